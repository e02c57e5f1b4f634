import type { AppendRequest, Engine, Shelf, ShelfEntry } from '../../engine/engine.ts'
import { memory } from '../../engines/memory/index.ts'
import { NotSupported } from '../../model/errors.ts'
import type { EventToStore } from '../../model/event.ts'
import { toBytes } from '../../model/payload.ts'
import { metadataEventType, streamChangeOf, tombstoneEventType } from '../../model/stream.ts'
import { inTens } from './appends.ts'
import { inNines } from './sharding.ts'
import {
  openOn,
  paging,
  stateOf,
  storing,
  type Twist,
  turn,
  type WrongEngine,
  wholeLog,
  wrong,
  wrongInShards,
} from './wrong.ts'

/** Opens its storage again as something else than it was. */
function forgetful(
  name: string,
  breaks: readonly string[],
  keep: (from: Engine, to: Engine) => Promise<void>,
): WrongEngine {
  return {
    name,
    breaks,
    open: () => {
      let storage = memory()
      const opened = openOn(storage, undefined, async () => {
        const next = memory()
        await keep(storage, next)
        storage = next
        return next
      })
      // Only reopening is wrong here, so a second instance beside the first is not offered.
      return { ...opened, engine: alone(opened.engine), reopen: async () => alone((await opened.reopen?.()) as Engine) }
    },
  }
}

function alone(engine: Engine): Engine {
  return { ...engine, capabilities: { ...engine.capabilities, sharedStorage: false } }
}

async function copyEvents(from: Engine, to: Engine, change: (events: EventToStore[]) => EventToStore[]): Promise<void> {
  const events = (await wholeLog(from)).map(({ version: _version, position: _position, ...event }) => event)
  for (const event of change(events)) await to.append([{ events: [event], checks: [] }])
}

async function copyShelf(from: Engine, to: Engine): Promise<void> {
  for (const { key, value, version } of await from.shelf.list({ prefix: '', after: '', limit: 1_000 })) {
    for (let put = 0; put < version; put++) await to.shelf.put(key, value, { expectedVersion: undefined })
  }
}

function shelfWith(change: (shelf: Shelf) => Partial<Shelf>): () => Twist {
  return () => (engine) => ({ shelf: { ...engine.shelf, ...change(engine.shelf) } })
}

/** Writes facts of one kind as events that mean nothing. */
function missingFacts(missing: (event: EventToStore) => boolean): () => Twist {
  return () => (engine) => ({
    ...storing(engine, (event) =>
      event.streamId.startsWith('$$') && missing(event) ? { ...event, type: `~${event.type}` } : event,
    ),
    ...paging(engine, (page) => ({
      ...page,
      events: page.events.map((event) => ({ ...event, type: event.type.replace(/^~(?=\$)/, '') })),
    })),
  })
}

const withoutTruncation = { type: metadataEventType, contentType: 'application/json', data: '{}' } as const

/** Refuses requests in which `named` finds more than one stream. */
function oneStreamAtATime(named: (one: AppendRequest) => readonly { readonly streamId: string }[]): Twist {
  return (engine) => ({
    capabilities: { ...engine.capabilities, multiStreamAppends: false },
    append: async (batch, signal) => {
      if (batch.some((one) => new Set(named(one).map(({ streamId }) => streamId)).size > 1)) {
        throw new NotSupported('wrong', 'multiStreamAppends', 'Append to one stream at a time.')
      }
      return engine.append(batch, signal)
    },
  })
}

function closedTwice(engine: Engine): Partial<Engine> {
  let closed = false
  return {
    close: async () => {
      if (closed) throw new Error('This engine is closed.')
      closed = true
      await engine.close()
    },
  }
}

const noSignal: Twist = (engine) => ({
  append: (batch) => engine.append(batch),
  read: (query) => engine.read(query),
  find: (eventId) => engine.find(eventId),
  head: () => engine.head(),
  streams: (query) => engine.streams(query),
  shelf: {
    get: (key) => engine.shelf.get(key),
    put: (key, value, options) => engine.shelf.put(key, value, options),
    delete: (key, options) => engine.shelf.delete(key, options),
    list: (query) => engine.shelf.list(query),
  },
})

/** Wrong about keeping, closing and what lies beside the log. */
export const wrongKeeping: readonly WrongEngine[] = [
  forgetful(
    'loses the last event on the way to a reopen',
    [
      'closing/waits',
      'durable/events',
      'durable/goes-on',
      'durable/many-reopens',
      'durable/streams',
      'idempotent/repeat-after-reopen',
    ],
    async (from, to) => {
      await copyEvents(from, to, (events) => events.slice(0, -1))
      await copyShelf(from, to)
    },
  ),
  forgetful(
    'loses everything on the way to a reopen',
    [
      'closing/waits',
      'durable/conditions',
      'durable/events',
      'durable/goes-on',
      'durable/many-reopens',
      'durable/shelf',
      'durable/streams',
      'idempotent/repeat-after-reopen',
    ],
    async () => undefined,
  ),
  forgetful('loses the shelf on the way to a reopen', ['durable/shelf'], async (from, to) =>
    copyEvents(from, to, (events) => events),
  ),
  forgetful('loses the states of streams on the way to a reopen', ['durable/streams'], async (from, to) => {
    await copyEvents(from, to, (events) =>
      events.map((event) => (event.streamId.startsWith('$$') ? { ...event, type: `~${event.type}` } : event)),
    )
    await copyShelf(from, to)
  }),
  forgetful('loses tags on the way to a reopen', ['durable/conditions', 'durable/events'], async (from, to) => {
    await copyEvents(from, to, (events) => events.map((event) => ({ ...event, tags: [] })))
    await copyShelf(from, to)
  }),
  wrong(
    'does not know tombstones',
    [
      'atomic/no-gap',
      'atomic/no-trace',
      'batches/facts-seen',
      'batches/neighbours-unharmed',
      'bounded/longest-stream-id',
      'durable/streams',
      'lifecycle/listing',
      'lifecycle/tombstone',
      'lifecycle/tombstone-stays',
      'names/facts',
    ],
    missingFacts((event) => event.type === tombstoneEventType),
  ),
  wrong(
    'does not know truncations',
    [
      'batches/facts-seen',
      'bounded/longest-stream-id',
      'durable/streams',
      'lifecycle/delete',
      'lifecycle/facts-as-bytes',
      'lifecycle/listing',
      'lifecycle/malformed-fact',
      'lifecycle/metadata-replaces',
      'lifecycle/truncate',
      'reads/stream-state',
      'versioned/deleted',
    ],
    missingFacts((event) => event.type === metadataEventType),
  ),
  wrong(
    'does not read facts that come as bytes',
    ['lifecycle/facts-as-bytes'],
    missingFacts((event) => typeof event.data !== 'string'),
  ),
  wrong(
    'takes the text of a number for a number in a fact',
    ['lifecycle/malformed-fact'],
    () => (engine) =>
      storing(engine, (event) =>
        event.type === metadataEventType && typeof event.data === 'string'
          ? { ...event, data: event.data.replace(/"truncate_before":"(\d+)"/, '"truncate_before":$1') }
          : event,
      ),
  ),
  wrong(
    'takes back a truncation for a fact it cannot read',
    ['lifecycle/malformed-fact'],
    () => (engine) =>
      storing(engine, (event) => (streamChangeOf(event) === 'malformed' ? { ...event, ...withoutTruncation } : event)),
  ),
  wrong('fails at a fact it cannot read', ['lifecycle/malformed-fact'], () => (engine) => ({
    append: async (batch, signal) => {
      const facts = batch.flatMap(({ events }) => events).filter(({ type }) => type === metadataEventType)
      for (const { data } of facts) JSON.parse(Buffer.from(toBytes(data)).toString())
      return engine.append(batch, signal)
    },
  })),
  wrong(
    'hides the version a truncation keeps',
    [
      'batches/facts-seen',
      'bounded/longest-stream-id',
      'durable/streams',
      'lifecycle/delete',
      'lifecycle/facts-as-bytes',
      'lifecycle/metadata-replaces',
      'lifecycle/truncate',
    ],
    () => (engine) =>
      paging(engine, async (page, { source }) => {
        if (!('streamId' in source)) return page
        const { truncateBefore } = await stateOf(engine, source.streamId)
        return {
          ...page,
          events: page.events.filter((event) => truncateBefore === 1 || event.version > truncateBefore),
        }
      }),
  ),
  wrong(
    'keeps a truncation when the metadata has none any more',
    ['lifecycle/metadata-replaces'],
    () => (engine) =>
      storing(engine, (event) =>
        event.type === metadataEventType &&
        event.streamId.startsWith('$$') &&
        !String(event.data).includes('truncate_before') &&
        typeof event.data === 'string'
          ? { ...event, contentType: 'application/x-unread' }
          : event,
      ),
  ),
  wrong(
    'closes the stream of facts with the stream it speaks about',
    ['lifecycle/own-category', 'lifecycle/tombstone-stays'],
    () => (engine) => ({
      append: async (batch, signal) => {
        const [one] = batch
        const facts = one?.events.find((event) => event.streamId.startsWith('$$'))
        if (batch.length === 1 && facts && (await stateOf(engine, facts.streamId.slice(2))).tombstoned)
          return [{ status: 'tombstoned', streamId: facts.streamId }]
        return engine.append(batch, signal)
      },
    }),
  ),
  wrong('does not refuse when it is closed', ['closing/refuses', 'live/wake-ends'], () => (engine) => ({
    close: async () => void (await engine.head()),
  })),
  wrong('does not look at signals', ['closing/signals'], () => noSignal),
  wrong('rejects with an error of its own when a signal aborts', ['closing/signals'], () => (engine) => ({
    head: async (signal) => {
      if (signal?.aborted) throw new Error('This call was aborted.')
      return engine.head()
    },
  })),
  wrong(
    'cannot be closed twice',
    ['closing/refuses', 'closing/shared', 'closing/twice', 'closing/waits', 'live/wake-ends'],
    () => closedTwice,
  ),
  wrong('wakes on although its signal has aborted', ['live/wake-ends'], () => (engine) => ({
    wake: async function* () {
      const open = (): Promise<boolean> =>
        engine.head().then(
          () => true,
          () => false,
        )
      for (; await open(); await turn()) yield
    },
  })),
  wrong('fails its listeners when a signal aborts', ['live/wake-ends'], () => (engine) => ({
    wake: async function* (signal) {
      yield* engine.wake(signal)
      if (signal.aborted) throw signal.reason
    },
  })),
  wrong(
    'puts whatever the version of an entry is',
    ['durable/shelf', 'shelf/compare-and-set', 'shelf/one-winner'],
    shelfWith((shelf) => ({
      put: (key, value, _options, signal) => shelf.put(key, value, { expectedVersion: undefined }, signal),
    })),
  ),
  wrong(
    'deletes whatever the version of an entry is',
    ['shelf/delete'],
    shelfWith((shelf) => ({
      delete: (key, _options, signal) => shelf.delete(key, { expectedVersion: undefined }, signal),
    })),
  ),
  wrong(
    'compares in one step and sets in the next',
    ['shelf/one-winner'],
    shelfWith((shelf) => ({
      put: async (key, value, { expectedVersion }, signal) => {
        if (expectedVersion !== undefined && ((await shelf.get(key, signal))?.version ?? 0) !== expectedVersion)
          return 'conflict'
        await turn()
        return shelf.put(key, value, { expectedVersion: undefined }, signal)
      },
    })),
  ),
  wrong(
    'keeps values of the shelf as text',
    ['shelf/bytes'],
    shelfWith((shelf) => ({
      put: (key, value, options, signal) => shelf.put(key, new TextDecoder().decode(toBytes(value)), options, signal),
    })),
  ),
  wrong(
    'cuts long keys of the shelf',
    ['shelf/keys'],
    shelfWith((shelf) => ({
      get: (key, signal) => shelf.get(key.slice(0, 255), signal),
      put: (key, value, options, signal) => shelf.put(key.slice(0, 255), value, options, signal),
    })),
  ),
  wrong(
    'cuts large values of the shelf',
    ['shelf/largest-value'],
    shelfWith((shelf) => ({
      put: (key, value, options, signal) => shelf.put(key, toBytes(value).slice(0, 524_288), options, signal),
    })),
  ),
  wrong(
    'lists the shelf in the order of JavaScript',
    ['shelf/list'],
    shelfWith((shelf) => ({
      list: async (query, signal) =>
        [...(await shelf.list(query, signal))].sort((left, right) => (left.key < right.key ? -1 : 1)),
    })),
  ),
  wrong(
    'lists the shelf from the key it is given',
    ['shelf/list-pages'],
    shelfWith((shelf) => ({
      list: async (query, signal) => {
        const at: ShelfEntry | undefined = query.after === '' ? undefined : await shelf.get(query.after, signal)
        const after = await shelf.list(query, signal)
        return at === undefined ? after : [at, ...after].slice(0, query.limit)
      },
    })),
  ),
  wrong(
    'takes upper case for lower case in keys of the shelf',
    ['shelf/keys', 'shelf/list'],
    shelfWith((shelf) => ({
      get: async (key, signal) => shelf.get(key.toLowerCase(), signal),
      put: (key, value, options, signal) => shelf.put(key.toLowerCase(), value, options, signal),
    })),
  ),
  wrong('keeps the shelf in the log', ['shelf/beside-the-log'], () => (engine) => ({
    shelf: {
      ...engine.shelf,
      put: async (key, value, options, signal) => {
        const version = await engine.shelf.put(key, value, options, signal)
        const last = `${await engine.head()}`.padStart(12, '0')
        const event: EventToStore = {
          id: `dddddddd-dddd-7ddd-8ddd-${last}`,
          streamId: '~shelf',
          type: '~Put',
          schemaVersion: 1,
          contentType: 'text/plain',
          data: value,
          metadataContentType: 'text/plain',
          metadata: '',
          tags: [],
          recordedAtMs: 0,
        }
        await engine.append([{ events: [event], checks: [] }])
        return version
      },
    },
  })),
  wrong(
    'gives every entry of the shelf as new',
    ['durable/shelf', 'shelf/put-and-get'],
    shelfWith((shelf) => ({
      get: async (key, signal) => {
        const entry = await shelf.get(key, signal)
        return entry && { ...entry, version: 1 }
      },
    })),
  ),
  wrong('says something else about itself after a reopen', ['honest/reopens'], () => {
    let instances = 0
    return (engine) => ({ capabilities: { ...engine.capabilities, batchesInFlight: ++instances } })
  }),
  wrong('leaves a capability unsaid', ['honest/capabilities'], () => (engine) => {
    const { gaplessPositions: _unsaid, ...said } = engine.capabilities
    return { capabilities: said as Engine['capabilities'] }
  }),
  wrong('says it has no conditions and takes them all the same', ['honest/no-conditions'], () => (engine) => ({
    capabilities: { ...engine.capabilities, appendConditions: false },
  })),
  wrong(
    'says it appends within transactions of its caller and cannot',
    ['honest/caller-transactions'],
    () => (engine) => ({
      capabilities: { ...engine.capabilities, callerTransactions: true },
    }),
  ),
  wrong(
    'says it writes one stream at a time and writes several',
    ['honest/no-multi-stream', 'honest/no-other-checks'],
    () => (engine) => ({ capabilities: { ...engine.capabilities, multiStreamAppends: false } }),
  ),
  wrong('says it writes one stream at a time and checks others', ['honest/no-other-checks'], () =>
    oneStreamAtATime(({ events }) => events),
  ),
  {
    name: 'says it is durable and gives back an empty storage',
    breaks: [
      'closing/shared',
      'closing/waits',
      'conditions/across-instances',
      'durable/conditions',
      'durable/events',
      'durable/goes-on',
      'durable/many-reopens',
      'durable/shelf',
      'durable/streams',
      'idempotent/repeat-across-instances',
      'idempotent/repeat-after-reopen',
      'live/reading-is-the-truth',
      'ordered/shared',
      'shelf/one-winner',
      'versioned/one-winner',
    ],
    open: () => openOn(memory(), undefined, async () => memory()),
  },
]

/** Different, and right: what a hint is, and what an engine may lack. */
export const rightEngines: readonly WrongEngine[] = [
  { name: 'the memory engine itself', breaks: [], open: () => ({ engine: memory() }) },
  wrong('the memory engine as a durable, shared storage', [], () => () => ({})),
  wrong('an engine whose wake-ups never come', [], () => (engine) => ({
    wake: async function* (signal) {
      // A hint carries nothing, so none gets through.
      for await (const hint of engine.wake(signal)) if (hint !== undefined) yield hint
    },
  })),
  wrong('an engine that wakes twice, and for nothing', [], () => (engine) => ({
    wake: async function* (signal) {
      yield
      for await (const _ of engine.wake(signal)) {
        yield
        yield
      }
    },
  })),
  wrong(
    'an engine that gives text back as bytes',
    [],
    () => (engine) =>
      paging(engine, (page) => ({
        ...page,
        events: page.events.map((event) => ({ ...event, data: toBytes(event.data) })),
      })),
  ),
  wrong('an engine that looks at fifty events in each read that filters', [], () => (engine) => ({
    read: async (query, signal) => {
      const page = await engine.read(query, signal)
      const { source, direction, from } = query
      if (!('query' in source) || source.query === 'everything' || direction === 'backward' || query.limit === 0)
        return page
      const last = from + 49
      if (page.head <= last || page.next <= last + 1) return page
      return { ...page, events: page.events.filter((event) => event.position <= last), next: last + 1, end: false }
    },
  })),
  wrong('an engine that counts positions in tens and says so', [], () => (engine, lock) => ({
    ...inTens(engine, lock),
    capabilities: { ...engine.capabilities, gaplessPositions: false },
  })),
  wrongInShards('the memory engine with a log in shards, as a durable, shared storage', [], () => () => ({})),
  wrongInShards('an engine that counts the places of its shards in nines and says so', [], () => (engine) => ({
    ...inNines(engine),
    capabilities: { ...engine.capabilities, gaplessPositions: false },
  })),
  wrong('an engine that has no conditions and says so', [], () => (engine) => ({
    capabilities: { ...engine.capabilities, appendConditions: false },
    append: async (batch, signal) => {
      if (batch.some((one) => one.condition))
        throw new NotSupported('wrong', 'appendConditions', 'Expect a version instead.')
      return engine.append(batch, signal)
    },
  })),
  wrong('an engine that writes one stream at a time and says so', [], () =>
    oneStreamAtATime(({ events, checks }) => [...events, ...checks]),
  ),
]
