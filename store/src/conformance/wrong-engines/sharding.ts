import type { AppendOutcome, AppendRequest, Engine, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { logShardOf, placeFrom, placeOfPosition, positionOfPlace } from '../../model/log-shard.ts'
import { judging, paging, type Twist, type WrongEngine, wrong, wrongInShards } from './wrong.ts'

/** Whether a page is of a shard, and of this one. */
function isOf(shard: number, { source, shard: asked }: ReadQuery): boolean {
  return 'query' in source && asked === shard
}

/** Hides the last event of a shard until something else is read, and says that it was passed. */
function slowShard(): Twist {
  const passed = new Set<string>()
  return (engine) =>
    paging(engine, (page, query) => {
      const last = page.events.at(-1)
      if (!isOf(2, query) || !page.end || last === undefined || passed.has(last.id)) return page
      passed.add(last.id)
      return { ...page, events: page.events.slice(0, -1) }
    })
}

/** Sends the part of each stream on its own, and answers as if they had gone together. */
async function apart(
  one: AppendRequest,
  send: (part: AppendRequest) => Promise<AppendOutcome>,
): Promise<AppendOutcome> {
  const outcomes: AppendOutcome[] = []
  for (const streamId of new Set(one.events.map((event) => event.streamId))) {
    const isMine = (part: { readonly streamId: string }): boolean => part.streamId === streamId
    const part = { ...one, events: one.events.filter(isMine), checks: one.checks.filter(isMine) }
    const outcome = await send(part)
    if (!('streams' in outcome)) return outcome
    outcomes.push(outcome)
  }
  const landed = outcomes.flatMap((outcome) => ('streams' in outcome ? [outcome] : []))
  const [first] = landed
  return {
    status: first?.status ?? 'done',
    firstPosition: Math.min(...landed.map(({ firstPosition }) => firstPosition)),
    lastPosition: Math.max(...landed.map(({ lastPosition }) => lastPosition)),
    streams: landed.flatMap(({ streams }) => streams),
  }
}

/** Knows the ids of the shard that an event goes to, and of no other. */
function idsOfShards(): Twist {
  const inside = new Map<string, string>()
  const outside = new Map<string, string>()
  return (engine, lock) => {
    const { logShards } = engine.capabilities
    const shown = (event: StoredEvent): StoredEvent => ({ ...event, id: outside.get(event.id) ?? event.id })
    return {
      ...judging(engine, lock, async (one, send) => {
        const events = one.events.map((event) => {
          const known = `${logShardOf(event.streamId, logShards)}/${event.id}`
          const id = inside.get(known) ?? `ffffffff-ffff-7fff-8fff-${inside.size.toString(16).padStart(12, '0')}`
          inside.set(known, id)
          outside.set(id, event.id)
          return { ...event, id }
        })
        const outcome = await send({ ...one, events })
        return 'eventId' in outcome ? { ...outcome, eventId: outside.get(outcome.eventId) ?? '' } : outcome
      }),
      ...paging(engine, (page) => ({ ...page, events: page.events.map(shown) })),
      find: async (eventId, signal) => {
        for (let shard = 0; shard < logShards; shard++) {
          const found = await engine.find(inside.get(`${shard}/${eventId}`) ?? eventId, signal)
          if (found !== undefined) return shown(found)
        }
        return undefined
      },
    }
  }
}

/** Takes some streams for others that lie elsewhere: their ids get an ending on the way in and lose it on the way out. */
function hashingOtherwise(engine: Engine): Partial<Engine> {
  const named = (id: string): string => (/^(\$\$)?Order-\d+$/.test(id) ? `${id}!` : id)
  const shown = <Named extends { readonly streamId: string }>(one: Named): Named => ({
    ...one,
    streamId: one.streamId.replace(/(?<=^(\$\$)?Order-\d+)!$/, ''),
  })
  const hidden = <Named extends { readonly streamId: string }>(one: Named): Named => ({
    ...one,
    streamId: named(one.streamId),
  })
  return {
    append: async (batch, signal) => {
      const renamed = batch.map((one) => ({ ...one, events: one.events.map(hidden), checks: one.checks.map(hidden) }))
      const outcomes = await engine.append(renamed, signal)
      return outcomes.map((outcome) => {
        if ('streams' in outcome) return { ...outcome, streams: outcome.streams.map(shown) }
        return 'streamId' in outcome ? shown(outcome) : outcome
      })
    },
    read: async (query, signal) => {
      const { source } = query
      const page = await engine.read('streamId' in source ? { ...query, source: hidden(source) } : query, signal)
      return { ...page, events: page.events.map(shown) }
    },
    streams: async (query, signal) => {
      const page = await engine.streams({ ...query, after: named(query.after) }, signal)
      return { ...page, streams: page.streams.map(shown) }
    },
  }
}

/** Numbers the places of a shard 9, 18, 27… */
export function inNines(engine: Engine): Partial<Engine> {
  const { logShards } = engine.capabilities
  const widened = (position: number): number => {
    const { shard, place } = placeOfPosition(position, logShards)
    return place === 0 ? 0 : positionOfPlace({ shard, place: place * 9 }, logShards)
  }
  const shown = (event: StoredEvent): StoredEvent => ({ ...event, position: widened(event.position) })
  return {
    append: async (batch, signal) => {
      const outcomes = await engine.append(batch, signal)
      return outcomes.map((outcome) => {
        if (!('streams' in outcome)) return outcome
        const positions = [outcome.firstPosition, outcome.lastPosition].map(widened)
        return { ...outcome, firstPosition: Math.min(...positions), lastPosition: Math.max(...positions) }
      })
    },
    read: async (query, signal) => {
      const { shard, direction } = query
      const place = shard === undefined ? 0 : placeFrom({ ...query, shard }, logShards) / 9
      const near = direction === 'forward' ? Math.ceil(place) : Math.floor(place)
      const from = shard === undefined || near === 0 ? query.from : positionOfPlace({ shard, place: near }, logShards)
      const page = await engine.read({ ...query, from: near === 0 && shard !== undefined ? 0 : from }, signal)
      const passed = direction === 'forward' ? widened(page.next - logShards) + 1 : widened(page.next)
      const next = shard === undefined ? page.next : passed
      return { ...page, events: page.events.map(shown), next, head: widened(page.head) }
    },
    head: async (signal) => Math.max(...((await engine.heads?.(signal)) ?? []).map(widened)),
    heads: async (signal) => ((await engine.heads?.(signal)) ?? []).map(widened),
  }
}

function twisted(twist: Twist): () => Twist {
  return () => twist
}

/** Wrong about a log in shards. */
export const wrongShards: readonly WrongEngine[] = [
  wrong(
    'has one log and heads for shards',
    ['honest/log-shards'],
    twisted((engine) => ({ heads: async (signal) => [await engine.head(signal)] })),
  ),
  wrongInShards('places streams by a hash of its own', ['shards/heads', 'shards/placed'], twisted(hashingOtherwise)),
  wrongInShards(
    'numbers its shards otherwise than their positions',
    [
      'atomic/whole',
      'batches/neighbours-unharmed',
      'batches/one-outcome-each',
      'batches/visible-when-acknowledged',
      'bounded/most-streams',
      'closing/shared',
      'idempotent/run-of-a-stream',
      'ordered/commit-order',
      'ordered/gapless',
      'ordered/positions-rise',
      'reads/beyond-the-end',
      'reads/goes-on',
      'reads/limit',
      'shards/heads',
      'shards/placed',
    ],
    twisted((engine) => ({
      read: (query, signal) =>
        engine.read(query.shard === undefined ? query : { ...query, shard: 3 - query.shard }, signal),
    })),
  ),
  wrongInShards(
    'says the head of the store with a page of a shard',
    ['shards/heads'],
    twisted((engine) => paging(engine, async (page) => ({ ...page, head: await engine.head() }))),
  ),
  wrongInShards(
    'begins a shard at the place before the number it was given',
    ['shards/from'],
    twisted((engine) => ({
      read: (query, signal) => {
        const isBetween = query.shard !== undefined && query.from % engine.capabilities.logShards !== query.shard
        const from = isBetween && query.direction === 'forward' ? Math.max(0, query.from - 4) : query.from
        return engine.read({ ...query, from }, signal)
      },
    })),
  ),
  wrongInShards(
    'commits a slow shard behind its readers',
    [
      'atomic/whole',
      'durable/many-reopens',
      'matching/category',
      'matching/stream-prefix',
      'matching/stream-prefix-literal',
      'shards/atomic',
      'shards/commit-order',
      'shards/from',
      'shards/heads',
      'shards/whole',
    ],
    slowShard,
  ),
  wrongInShards(
    'appends to one shard after the other',
    [
      'atomic/no-gap',
      'atomic/no-trace',
      'atomic/whole',
      'lifecycle/checked-fact',
      'shards/atomic',
      'versioned/read-only-check',
    ],
    twisted((engine, lock) => judging(engine, lock, (one, send) => apart(one, send))),
  ),
  wrongInShards('has ids for each shard', ['idempotent/new-ids', 'shards/ids'], idsOfShards),
  wrongInShards(
    'counts places in nines and says they have no holes',
    ['atomic/no-gap', 'ordered/commit-order', 'ordered/gapless', 'shards/gapless'],
    twisted(inNines),
  ),
]
