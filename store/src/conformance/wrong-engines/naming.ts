import type { AppendOutcome, AppendRequest } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { type Twist, type WrongEngine, wrong } from './wrong.ts'

/** Takes streams for one another whose names are the same after `key`; the first spelling holds. */
function confusing(key: (name: string) => string): () => Twist {
  return () => {
    const spellings = new Map<string, string>()

    function spelling(name: string): string {
      const subject = name.startsWith('$$') && name.length > 2
      const found = spellings.get(key(subject ? name.slice(2) : name))
      const plain = found ?? (subject ? name.slice(2) : name)
      spellings.set(key(plain), plain)
      return subject ? `$$${plain}` : plain
    }

    const rename = <Named extends { readonly streamId: string }>(one: Named): Named => ({
      ...one,
      streamId: spelling(one.streamId),
    })
    const renamed = (one: AppendRequest): AppendRequest => ({
      ...one,
      events: one.events.map((event): EventToStore => rename(event)),
      checks: one.checks.map(rename),
    })

    return (engine) => ({
      append: async (batch, signal): Promise<readonly AppendOutcome[]> => engine.append(batch.map(renamed), signal),
      read: (query, signal) =>
        engine.read('streamId' in query.source ? { ...query, source: rename(query.source) } : query, signal),
    })
  }
}

/** Takes types and tags for one another that are the same after `key`; the first spelling holds. */
function confusingTerms(key: (term: string) => string): () => Twist {
  return () => {
    const spellings = new Map<string, string>()

    function spelling(term: string): string {
      const found = spellings.get(key(term)) ?? term
      spellings.set(key(term), found)
      return found
    }

    return (engine) => ({
      append: (batch, signal) =>
        engine.append(
          batch.map((one) => ({
            ...one,
            events: one.events.map((event) => ({
              ...event,
              type: spelling(event.type),
              tags: event.tags.map(spelling),
            })),
          })),
          signal,
        ),
    })
  }
}

/** Wrong about names. */
export const wrongNames: readonly WrongEngine[] = [
  wrong(
    'keeps one sign after the colon of a stream id',
    ['names/facts', 'names/prefix'],
    confusing((name) => name.replace(/(:.).*/s, '$1')),
  ),
  wrong(
    'finds streams by a hash of few bits',
    ['names/many'],
    confusing((name) => name.replace(/^Order-1(?=\d{3}$)/, 'Order-')),
  ),
  wrong(
    'takes upper case for lower case in streams',
    [
      'matching/category',
      'matching/stream-prefix-case',
      'names/case',
      'names/facts',
      'names/normalisation',
      'reads/listing',
    ],
    confusing((name) => name.toLowerCase()),
  ),
  wrong(
    'keeps 255 characters of a stream id',
    ['names/long'],
    confusing((name) => name.slice(0, 255)),
  ),
  wrong(
    'ends a stream id at its first NUL',
    ['names/facts', 'names/nul'],
    confusing((name) => (name.startsWith('\0') ? name : name.split('\0', 1).join())),
  ),
  wrong(
    'drops the spaces at the end of a stream id',
    ['names/facts', 'names/spaces'],
    confusing((name) => name.replace(/[ \t\n\u00a0]+$/, '')),
  ),
  wrong(
    'composes accents in streams',
    ['names/normalisation'],
    confusing((name) => name.normalize('NFC')),
  ),
  wrong(
    'takes numbers for numbers in streams',
    ['names/numbers'],
    confusing((name) => (/^ ?\d[\d.e]*$/.test(name) ? `${Number(name)}` : name)),
  ),
  wrong(
    'keeps streams in ASCII',
    ['names/long', 'names/normalisation', 'names/unicode', 'reads/listing'],
    confusing((name) => name.replaceAll(/\P{ASCII}/gu, '?')),
  ),
  wrong(
    'takes slashes at the end of a stream id for nothing',
    ['names/separators'],
    confusing((name) => name.replace(/(?<=.)\/$/, '')),
  ),
  wrong(
    'ignores dollars in front of a stream id',
    ['names/dollars', 'names/facts'],
    confusing((name) => name.replace(/^\$(?=[a-z])/, '')),
  ),
  wrong(
    'takes double quotes for single ones in streams',
    ['names/quotes'],
    confusing((name) => name.replaceAll('"', "'")),
  ),
  wrong(
    'takes one control character for another',
    ['names/control'],
    confusing((name) => name.replaceAll(/\p{Cc}/gu, (sign) => ('\0\t\n'.includes(sign) ? sign : '\x01'))),
  ),
  wrong(
    'reads a pattern into a stream id',
    ['matching/stream-prefix-literal', 'names/wildcards', 'reads/listing-prefix'],
    confusing((name) => name.replaceAll(/[%_*]/g, '%')),
  ),
  wrong(
    'takes upper case for lower case in types and tags',
    ['matching/tag-case', 'matching/type-case', 'names/types-and-tags', 'reads/tags'],
    confusingTerms((term) => term.toLowerCase()),
  ),
  wrong(
    'composes accents in types and tags',
    ['matching/tag-bytes', 'matching/type-bytes', 'names/types-and-tags'],
    confusingTerms((term) => term.normalize('NFC')),
  ),
]
