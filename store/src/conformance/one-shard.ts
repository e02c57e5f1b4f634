import type { AppendOutcome, AppendRequest, Engine, Page, ReadQuery } from '../engine/engine.ts'
import type { StoredEvent } from '../model/event.ts'
import { logShardOf, placeFrom, placeOfPosition, positionOfPlace } from '../model/log-shard.ts'
import { lastPosition } from '../model/position.ts'
import { metadataStreamOf, subjectOf } from '../model/stream.ts'
import type { Case } from './case.ts'

/** An engine as a case sees it: whole, or one of its shards when the case is about one order and there are several. */
export function asSeenBy({ shards }: Pick<Case<never>, 'shards'>, engine: Engine, seed: number): Engine {
  const { logShards } = engine.capabilities
  return shards === 'one' && logShards > 1 ? oneShard(engine, seed % logShards) : engine
}

/**
 * One shard of an engine, seen as an engine whose log has one order: what is promised of such a log is promised of each
 * shard, and the same cases say it. Every stream of the case is put into the shard by an ending that its id gets on the
 * way in and loses on the way out; positions are places in the shard.
 */
function oneShard(engine: Engine, shard: number): Engine {
  const { heads, capabilities, ...verbs } = engine
  const { logShards } = capabilities
  const named = (streamId: string): string => inShard(streamId, shard, logShards)
  const placeOf = (position: number): number => placeOfPosition(position, logShards).place
  const shown = (event: StoredEvent): StoredEvent => ({
    ...event,
    streamId: unnamed(event.streamId),
    position: placeOf(event.position),
  })
  return {
    ...verbs,
    capabilities: { ...capabilities, logShards: 1 },
    append: async (batch, signal) => {
      const outcomes = await engine.append(
        batch.map((one) => renamed(one, named)),
        signal,
      )
      return outcomes.map((outcome) => shownOutcome(outcome, placeOf))
    },
    read: async (query, signal) => {
      const page = await engine.read(asked(query, { shard, logShards, named }), signal)
      return { ...page, ...shownPlaces(query, page, { shard, logShards }), events: page.events.map(shown) }
    },
    find: async (eventId, signal) => {
      const event = await engine.find(eventId, signal)
      return event && shown(event)
    },
    head: async (signal) => placeOf((await heads?.(signal))?.[shard] ?? 0),
    streams: async (query, signal) => {
      const after = query.after === '' ? '' : named(query.after)
      const page = await engine.streams({ ...query, after }, signal)
      return { ...page, streams: page.streams.map((info) => ({ ...info, streamId: unnamed(info.streamId) })) }
    },
  }
}

/** No id of a case that is seen so ends like this, and no prefix of one has it. */
const ending = /~\d+$/

function inShard(streamId: string, shard: number, logShards: number): string {
  const subject = subjectOf(streamId)
  if (subject !== undefined) return metadataStreamOf(inShard(subject, shard, logShards))
  for (let turn = 0; ; turn++) {
    const name = `${streamId}~${turn}`
    if (logShardOf(name, logShards) === shard) return name
  }
}

function unnamed(streamId: string): string {
  return streamId.replace(ending, '')
}

function renamed(one: AppendRequest, named: (streamId: string) => string): AppendRequest {
  return {
    ...one,
    events: one.events.map((event) => ({ ...event, streamId: named(event.streamId) })),
    checks: one.checks.map((check) => ({ ...check, streamId: named(check.streamId) })),
  }
}

function shownOutcome(outcome: AppendOutcome, placeOf: (position: number) => number): AppendOutcome {
  if ('streams' in outcome) {
    const streams = outcome.streams.map((stream) => ({ ...stream, streamId: unnamed(stream.streamId) }))
    const { firstPosition, lastPosition: last } = outcome
    return { ...outcome, firstPosition: placeOf(firstPosition), lastPosition: placeOf(last), streams }
  }
  return 'streamId' in outcome ? { ...outcome, streamId: unnamed(outcome.streamId) } : outcome
}

interface Shard {
  readonly shard: number
  readonly logShards: number
}

function asked(query: ReadQuery, { shard, logShards, named }: Shard & { named(streamId: string): string }): ReadQuery {
  if ('streamId' in query.source) return { ...query, source: { streamId: named(query.source.streamId) } }
  const place = Math.min(query.from, Math.floor(lastPosition / logShards) - 1)
  return { ...query, shard, from: place === 0 ? 0 : positionOfPlace({ shard, place }, logShards) }
}

/** Of a stream, places are versions: they are what they are. */
function shownPlaces({ source, direction }: ReadQuery, page: Page, { shard, logShards }: Shard): Partial<Page> {
  const head = placeFrom({ from: page.head, direction: 'backward', shard }, logShards)
  if ('streamId' in source) return { head }
  const next = page.next === 0 ? 0 : placeFrom({ from: page.next, direction, shard }, logShards)
  return { head, next }
}
