import { createHash } from 'node:crypto'
import type { NormalQuery, NormalQueryItem } from '../../model/query.ts'
import { metadataStreamOf, subjectOf } from '../../model/stream.ts'
import type { KurrentFilter } from './driver.ts'

/**
 * How the streams of a store are called in KurrentDB.
 *
 * - A stream has its own name, behind the store's namespace if there is one: `Order-7`, `shop:Order-7`.
 * - A name that KurrentDB or its clients may refuse, or that would be taken for one of theirs or ours, is replaced by its digest:
 *   `varve:name:shop:<sha256>`. The event says what it stands for.
 * - The facts about a stream, Varve's `$$` streams, are `varve:facts:shop:` + the name of that stream.
 * - Everything else of ours begins with `varve:` as well: ids, the list of streams, the shelf.
 */
export interface Names {
  /** The name of a stream in KurrentDB. */
  streamName(streamId: string): string
  /** The stream that a name stands for, unless its events say so themselves. */
  streamIdOf(name: string): string
  /** Whether a stream of the database holds events of the store: not the system's, another store's or our own bookkeeping. */
  isOfStore(name: string): boolean
  /** A stream with one event, which says where the event with this id lies. */
  eventIdName(eventId: string): string
  /** Which streams there are. */
  readonly streamsName: string
  shelfName(key: string): string
  /** Which keys the shelf ever had. */
  readonly shelfKeysName: string
  /** What the server has to send for a query: no event of another store, and at least every one that matches. */
  filterFor(query: NormalQuery): KurrentFilter
  /** The same for the events of one stream. */
  filterForName(name: string): KurrentFilter
}

/** Names that every version of the protocol takes for streams and types, and no system stream. */
const plain = /^[\p{L}\p{N}_.:-][\p{L}\p{N}_.$:-]*$/u
const plainCharsMax = 500
const ownPrefix = 'varve:'

/** The names of the store in a namespace; '' for the whole database. */
export function namesIn(namespace: string): Names {
  const before = namespace === '' ? '' : `${namespace}:`
  const own = (kind: string): string => `${ownPrefix}${kind}:${namespace}:`
  const digests = own('name')
  const facts = own('facts')

  function streamName(streamId: string): string {
    const subject = subjectOf(streamId)
    if (subject !== undefined) return facts + streamName(subject)
    return isPlain(before + streamId) ? before + streamId : digests + digestOf(streamId)
  }

  function streamIdOf(name: string): string {
    if (name.startsWith(facts)) return metadataStreamOf(streamIdOf(name.slice(facts.length)))
    return name.slice(before.length)
  }

  const everything: KurrentFilter =
    namespace === ''
      ? onNames({ regex: `^(?!\\$|${ownPrefix})|^${ownPrefix}(?:name|facts)::` })
      : onNames({ prefixes: [before, digests, facts] })

  return {
    streamName,
    streamIdOf,
    isOfStore: (name) => {
      if (name.startsWith(digests) || name.startsWith(facts)) return true
      return namespace === '' ? !name.startsWith('$') && !name.startsWith(ownPrefix) : name.startsWith(before)
    },
    eventIdName: (eventId) => own('id') + eventId.replaceAll('-', ''),
    streamsName: own('streams'),
    shelfName: (key) => own('shelf') + digestOf(key),
    shelfKeysName: own('keys'),
    filterFor: (query) => {
      if (query === 'everything') return everything
      if (query.every(({ types }) => types.length > 0)) return onTypes(query.flatMap(({ types }) => types))
      const beginnings = query.map(beginningsOf)
      if (beginnings.includes(undefined)) return everything
      const known = beginnings.flatMap((one) => one ?? []).flatMap(namesBeginning)
      return onNames({ prefixes: [...new Set([...known, digests])] })
    },
    filterForName: (name) => onNames({ prefixes: [name] }),
  }

  /** A beginning that is longer than a `$$` may be that of facts, whose names begin otherwise. */
  function namesBeginning(beginning: string): readonly string[] {
    const subject = subjectOf(beginning)
    if (beginning === '$' || beginning === '$$') return [facts]
    return subject === undefined ? [before + beginning] : [facts]
  }
}

/** The type of an event in KurrentDB. */
export function typeName(type: string): string {
  return isPlain(type) ? type : `${ownPrefix}type:${digestOf(type)}`
}

function isPlain(name: string): boolean {
  return name.length <= plainCharsMax && !name.startsWith(ownPrefix) && plain.test(name)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** What the ids of streams begin with that an item is about; undefined when it says nothing about streams. */
function beginningsOf({ streamPrefix, categories }: NormalQueryItem): readonly string[] | undefined {
  if (streamPrefix !== '') return [streamPrefix]
  return categories.length === 0 ? undefined : categories
}

function onTypes(types: readonly string[]): KurrentFilter {
  const names = [...new Set(types.map(typeName))].map((name) => name.replaceAll(/[.$]/g, '\\$&'))
  return { filterOn: 'eventType', checkpointInterval: 1, regex: `^(?:${names.join('|')})$` }
}

function onNames(which: { readonly regex: string } | { prefixes: string[] }): KurrentFilter {
  return { filterOn: 'streamName', checkpointInterval: 1, ...which }
}
