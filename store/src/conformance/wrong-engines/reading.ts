import type { Engine } from '../../engine/engine.ts'
import type { Payload } from '../../model/payload.ts'
import { toBytes } from '../../model/payload.ts'
import { lastPosition } from '../../model/position.ts'
import { paging, showing, stateOf, storing, type Twist, type WrongEngine, wholeLog, wrong } from './wrong.ts'

function twisted(twist: Twist): () => Twist {
  return () => twist
}

function asText(payload: Payload): string {
  return typeof payload === 'string' ? payload : new TextDecoder().decode(payload)
}

/** A read that asks for something else than it was asked for. */
function asking(change: (query: Parameters<Engine['read']>[0]) => Parameters<Engine['read']>[0]): () => Twist {
  return twisted((engine) => ({ read: (query, signal) => engine.read(change(query), signal) }))
}

function listing(change: (query: Parameters<Engine['streams']>[0]) => Parameters<Engine['streams']>[0]): () => Twist {
  return twisted((engine) => ({ streams: (query, signal) => engine.streams(change(query), signal) }))
}

/** Wrong about what a read gives back. */
export const wrongReads: readonly WrongEngine[] = [
  wrong(
    'says of an empty store that its head is 1',
    ['reads/empty'],
    twisted((engine) => paging(engine, (page) => ({ ...page, head: Math.max(1, page.head) }))),
  ),
  wrong(
    'keeps 32 tags of an event',
    ['bounded/most-tags'],
    twisted((engine) => storing(engine, (event) => ({ ...event, tags: event.tags.slice(0, 32) }))),
  ),
  wrong(
    'begins a backward read one too low',
    ['bounded/page-bytes-all-read', 'reads/from-backward', 'reads/paging'],
    asking((query) =>
      query.direction === 'backward' && query.from < 1_000_000
        ? { ...query, from: Math.max(0, query.from - 1) }
        : query,
    ),
  ),
  wrong(
    'begins a forward read after the place it was given',
    [
      'bounded/largest-append',
      'bounded/long-stream',
      'bounded/page-bytes-all-read',
      'lifecycle/truncate',
      'live/reading-is-the-truth',
      'ordered/positions-rise',
      'reads/beyond-the-end',
      'reads/from-forward',
      'reads/goes-on',
      'reads/paging',
    ],
    asking((query) => (query.direction === 'forward' && query.from > 1 ? { ...query, from: query.from + 1 } : query)),
  ),
  wrong(
    'gives one event more than the limit',
    ['bounded/long-stream', 'reads/limit'],
    asking((query) => (query.limit > 0 ? { ...query, limit: query.limit + 1 } : query)),
  ),
  wrong(
    'takes a limit of 0 for none',
    ['reads/limit'],
    asking((query) => (query.limit === 0 ? { ...query, limit: 1_000 } : query)),
  ),
  wrong(
    'takes a backward read for a forward one',
    [
      'append-only/log-keeps-all',
      'bounded/page-bytes-all-read',
      'lifecycle/truncate',
      'matching/category',
      'matching/everything',
      'matching/items-or',
      'matching/one-term',
      'matching/stream-prefix',
      'matching/stream-prefix-literal',
      'matching/tags-and',
      'matching/types-or',
      'matching/types-with-tags',
      'reads/backward',
      'reads/beyond-the-end',
      'reads/paging',
    ],
    asking((query) =>
      query.direction === 'backward' && query.from === lastPosition
        ? { ...query, direction: 'forward', from: 1 }
        : query,
    ),
  ),
  wrong(
    'ignores the bytes of a page',
    ['bounded/page-bytes'],
    asking((query) => ({ ...query, maxBytes: Number.MAX_SAFE_INTEGER })),
  ),
  wrong(
    'leaves an event out that is larger than a page',
    ['bounded/page-bytes-all-read'],
    twisted((engine) =>
      paging(engine, (page, query) => ({
        ...page,
        events: page.events.filter((event) => event.data.length <= query.maxBytes),
      })),
    ),
  ),
  wrong(
    'skips an event between pages',
    ['bounded/largest-append', 'bounded/page-bytes-all-read', 'lifecycle/truncate', 'reads/paging'],
    twisted((engine) =>
      paging(engine, (page, { direction }) =>
        page.end || page.events.length === 0
          ? page
          : { ...page, next: direction === 'forward' ? page.next + 1 : Math.max(0, page.next - 1) },
      ),
    ),
  ),
  wrong(
    'repeats an event between pages',
    ['bounded/largest-append', 'bounded/page-bytes-all-read', 'reads/paging'],
    twisted((engine) =>
      paging(engine, (page, { direction }) =>
        page.end || page.events.length < 2
          ? page
          : { ...page, next: direction === 'forward' ? page.next - 1 : page.next + 1 },
      ),
    ),
  ),
  wrong(
    'takes a full page for the last one',
    ['bounded/largest-append', 'lifecycle/truncate', 'reads/goes-on', 'reads/paging'],
    twisted((engine) =>
      paging(engine, (page, { limit }) => ({ ...page, end: page.end || page.events.length === limit })),
    ),
  ),
  wrong(
    'goes on from the last match instead of the head',
    ['reads/goes-on'],
    twisted((engine) =>
      paging(engine, (page, { source, direction, from }) => {
        const last = page.events.at(-1)
        return page.end && direction === 'forward' && 'query' in source && source.query !== 'everything'
          ? { ...page, next: last ? last.position + 1 : from }
          : page
      }),
    ),
  ),
  wrong(
    'goes on behind the head',
    ['live/reading-is-the-truth', 'ordered/commit-order', 'reads/beyond-the-end', 'reads/goes-on'],
    twisted((engine) =>
      paging(engine, (page, { direction, source }) =>
        page.end && direction === 'forward' && 'query' in source
          ? { ...page, next: Math.max(page.next, page.head + 2) }
          : page,
      ),
    ),
  ),
  wrong(
    'looks at one event in each read that filters',
    ['bounded/matchless-filter', 'reads/limit', 'reads/paging'],
    twisted((engine) => ({
      read: async (query, signal) => {
        const { source, from, direction } = query
        if (!('query' in source) || source.query === 'everything') return engine.read(query, signal)
        const { head } = await engine.read({ ...query, limit: 0 }, signal)
        const place = direction === 'forward' ? from : Math.min(from, head)
        const page = await engine.read({ ...query, from: place, limit: 1 }, signal)
        const [event] = page.events
        if (event === undefined && page.end && place >= 1 && place <= head) {
          const next = direction === 'forward' ? place + 1 : place - 1
          return { ...page, next, end: next < 1 || next > head }
        }
        if (event === undefined || event.position === place) return page
        return { ...page, events: [], next: direction === 'forward' ? place + 1 : place - 1, end: false }
      },
    })),
  ),
  wrong(
    'says of every stream that it is new',
    ['lifecycle/malformed-fact', 'lifecycle/neighbours', 'lifecycle/tombstone', 'reads/stream-state'],
    twisted((engine) =>
      paging(engine, (page) =>
        page.stream ? { ...page, stream: { version: 0, truncateBefore: 1, tombstoned: false } } : page,
      ),
    ),
  ),
  wrong(
    'hides what a truncation hides from the log too',
    ['append-only/log-keeps-all', 'append-only/same-again', 'batches/neighbours-unharmed', 'reads/find-hidden'],
    twisted((engine) =>
      paging(engine, async (page, { source }) => {
        if (!('query' in source)) return page
        const kept = await Promise.all(
          page.events.map(async (event) => {
            const state = await stateOf(engine, event.streamId)
            return !state.tombstoned && event.version >= state.truncateBefore
          }),
        )
        return { ...page, events: page.events.filter((_, index) => kept[index]) }
      }),
    ),
  ),
  wrong(
    'takes payloads for text',
    ['bounded/largest-event', 'reads/payload-bytes'],
    twisted((engine) =>
      showing(engine, (event) => ({ ...event, data: asText(event.data), metadata: asText(event.metadata) })),
    ),
  ),
  wrong(
    'rewrites JSON',
    ['reads/payload-text'],
    twisted((engine) =>
      showing(engine, (event) => {
        try {
          return { ...event, data: JSON.stringify(JSON.parse(asText(event.data))) }
        } catch {
          return event
        }
      }),
    ),
  ),
  wrong(
    'ends a payload at its first NUL',
    ['reads/payload-text'],
    twisted((engine) =>
      showing(engine, (event) => ({
        ...event,
        data: typeof event.data === 'string' ? event.data.split('\0', 1).join() : event.data,
      })),
    ),
  ),
  wrong(
    'drops a byte order mark',
    ['reads/payload-bytes'],
    twisted((engine) =>
      showing(engine, (event) => {
        const bytes = toBytes(event.data)
        return bytes[0] === 0xef && bytes[1] === 0xbb ? { ...event, data: bytes.slice(3) } : event
      }),
    ),
  ),
  wrong('gives every reader the same bytes', ['append-only/own-bytes'], () => {
    const given = new Map<string, Payload>()
    return (engine) =>
      showing(engine, (event) => {
        const data = given.get(event.id) ?? event.data
        given.set(event.id, data)
        return { ...event, data }
      })
  }),
  wrong(
    'sorts tags',
    ['reads/envelope', 'reads/tags'],
    twisted((engine) => storing(engine, (event) => ({ ...event, tags: [...event.tags].sort() }))),
  ),
  wrong(
    'keeps times in seconds',
    ['reads/envelope', 'reads/recorded-at'],
    twisted((engine) =>
      storing(engine, (event) => ({ ...event, recordedAtMs: event.recordedAtMs - (event.recordedAtMs % 1_000) })),
    ),
  ),
  wrong('never lets time go back', ['reads/recorded-at'], () => {
    let latest = 0
    return (engine) =>
      storing(engine, (event) => {
        latest = Math.max(latest, event.recordedAtMs)
        return { ...event, recordedAtMs: latest }
      })
  }),
  wrong(
    'forgets schema versions',
    ['reads/envelope'],
    twisted((engine) => storing(engine, (event) => ({ ...event, schemaVersion: 1 }))),
  ),
  wrong(
    'lists streams in the order of JavaScript',
    ['reads/listing'],
    twisted((engine) => ({
      streams: async (query, signal) => {
        const page = await engine.streams({ prefix: query.prefix, after: '', limit: 100_000 }, signal)
        const sorted = page.streams
          .filter((one) => one.streamId > query.after)
          .sort((left, right) => (left.streamId < right.streamId ? -1 : 1))
        return { streams: sorted.slice(0, query.limit), end: sorted.length <= query.limit }
      },
    })),
  ),
  wrong(
    'lists one stream more than the limit',
    ['reads/listing-pages'],
    listing((query) => ({ ...query, limit: query.limit + 1 })),
  ),
  wrong(
    'reads a pattern into the prefix of a listing',
    ['reads/listing-prefix'],
    twisted((engine) => ({
      streams: async (query, signal) => {
        if (!/[%_]/.test(query.prefix)) return engine.streams(query, signal)
        const page = await engine.streams({ prefix: '', after: query.after, limit: 100_000 }, signal)
        const pattern = new RegExp(
          `^${query.prefix.replaceAll('\\', '\\\\').replaceAll('%', '.*').replaceAll('_', '.')}`,
        )
        const found = page.streams.filter((one) => pattern.test(one.streamId))
        return { streams: found.slice(0, query.limit), end: found.length <= query.limit }
      },
    })),
  ),
  wrong(
    'leaves streams that read as nothing out of the listing',
    ['lifecycle/listing'],
    twisted((engine) => ({
      streams: async (query, signal) => {
        const page = await engine.streams(query, signal)
        return { ...page, streams: page.streams.filter((one) => one.exists) }
      },
    })),
  ),
  wrong(
    'finds events by the beginning of their id',
    ['reads/find', 'reads/find-hidden'],
    twisted((engine) => ({
      find: async (eventId, signal) => {
        signal?.throwIfAborted()
        return (await wholeLog(engine)).find(({ id }) => id.slice(0, 8) === eventId.slice(0, 8))
      },
    })),
  ),
  wrong(
    'finds only what reads of a stream still show',
    ['reads/find-hidden'],
    twisted((engine) => ({
      find: async (eventId, signal) => {
        const found = await engine.find(eventId, signal)
        if (found === undefined) return undefined
        const { tombstoned, truncateBefore } = await stateOf(engine, found.streamId)
        return tombstoned || found.version < truncateBefore ? undefined : found
      },
    })),
  ),
]
