import type { AppendOutcome, AppendRequest, Engine, ReadQuery, StreamCheck } from '../engine/engine.ts'
import type { EventToStore } from '../model/event.ts'
import { matchesQuery, type NormalCondition, type NormalQuery } from '../model/query.ts'
import type { ExpectedVersion } from '../model/version.ts'
import {
  bytesAsText,
  comparable,
  eventFor,
  item,
  listStreams,
  metadataFact,
  page,
  read,
  tombstone,
  truncation,
  wholeLog,
} from './port.ts'
import type { Random } from './seeded.ts'

/*
 * The random operations of the model-based case. All terms come from small pools, so that operations meet: streams,
 * types and tags that look alike, ids that were used before, versions and positions near those that hold.
 */

const streamIds = ['A-1', 'A-11', 'a-1', 'A', 'B-1', 'B-2'] as const
const types = ['X', 'Y', 'x'] as const
const tags = ['t:1', 't:11', 't:2', 'T:1'] as const
const keys = ['k/1', 'k/2', 'k', 'l/1'] as const

/** An operation that can be done to the engine and to the reference, with an answer that must be the same. */
export interface Operation {
  /** What it does, in a line. */
  readonly text: string
  readonly answer: (engine: Engine) => Promise<unknown>
}

/** What the generator of operations looks at: the reference as it is now, and the requests made so far. */
export interface Past {
  readonly reference: Engine
  readonly requests: AppendRequest[]
}

/** A random operation. */
export async function someOperation(random: Random, past: Past): Promise<Operation> {
  const die = random.below(20)
  if (die < 9) return appending(random, past)
  if (die < 12) return readingLog(random, past)
  if (die < 15) return readingStream(random, past)
  if (die < 16) return listing(random)
  if (die < 17) return { text: 'head', answer: async (engine) => [await engine.head(), await engine.heads?.()] }
  return shelving(random)
}

/** The operation that compares everything there is, for the end of a run. */
export const everything: Operation = {
  text: 'everything',
  answer: async (engine) => ({
    log: (await read(engine, wholeLog)).map(comparable),
    streams: await listStreams(engine),
    shelf: (await engine.shelf.list({ prefix: '', after: '', limit: 100 })).map(({ key, value, version }) => [
      key,
      bytesAsText(value),
      version,
    ]),
  }),
}

async function appending(random: Random, past: Past): Promise<Operation> {
  const batch: AppendRequest[] = []
  for (let left = 1 + random.below(4); left > 0; left--) {
    const one = await someRequest(random, past)
    batch.push(one)
    past.requests.push(one)
  }
  return {
    text: `append ${batch.map(requestText).join(' ; ')}`,
    answer: async (engine) => {
      const outcomes = await engine.append(batch)
      return Promise.all(outcomes.map((outcome, index) => judged(engine, batch[index], outcome)))
    },
  }
}

/** An outcome without what the port leaves open: which of several reasons an engine names. */
async function judged(engine: Engine, one: AppendRequest | undefined, outcome: AppendOutcome): Promise<unknown> {
  if (outcome.status === 'condition_failed') {
    const [event] = (await page(engine, wholeLog, { from: outcome.position, limit: 1 })).events
    const justified =
      event !== undefined &&
      event.position === outcome.position &&
      event.position > outcome.after &&
      matchesQuery(one?.condition?.failIfMatch ?? [], event)
    return { status: outcome.status, after: outcome.after, justified }
  }
  const severalReasons = (one?.checks.length ?? 0) > 1 || new Set(one?.events.map((event) => event.streamId)).size > 1
  if ((outcome.status === 'conflict' || outcome.status === 'tombstoned') && severalReasons) {
    return { status: outcome.status }
  }
  return outcome
}

async function someRequest(random: Random, past: Past): Promise<AppendRequest> {
  const { appendConditions, multiStreamAppends } = past.reference.capabilities
  const events = someEvents(random, past, multiStreamAppends)
  const checks: StreamCheck[] = []
  if (random.oneIn(2)) {
    const own = random.pick(events).streamId
    const streamId = multiStreamAppends && random.oneIn(3) ? random.pick(streamIds) : own
    checks.push({ streamId, expectedVersion: await someExpectation(random, past, streamId) })
  }
  if (!appendConditions || !random.oneIn(3)) return { events, checks }
  const condition: NormalCondition = { failIfMatch: someQuery(random), after: await somePosition(random, past) }
  return { events, checks, condition }
}

function someEvents(random: Random, past: Past, severalStreams: boolean): readonly EventToStore[] {
  if (past.requests.length > 0 && random.oneIn(4)) return usedEvents(random, past)
  if (random.oneIn(8)) return [someFact(random)]
  const streams =
    severalStreams && random.oneIn(3) ? [random.pick(streamIds), random.pick(streamIds)] : [random.pick(streamIds)]
  return Array.from({ length: 1 + random.below(3) }, () => someEvent(random, random.pick(streams)))
}

/** Events with ids that were sent before: the same again, some of them, turned round, with a new one, or elsewhere. */
function usedEvents(random: Random, past: Past): readonly EventToStore[] {
  const { events } = random.pick(past.requests)
  const [first] = events as readonly [EventToStore, ...EventToStore[]]
  return random.pick([
    () => events,
    () => events,
    () => events.slice(random.below(events.length)),
    () => [...events].reverse(),
    () => [...events, someEvent(random, first.streamId)],
    () => [someEvent(random, first.streamId), ...events],
    () => [{ ...first, streamId: random.pick(streamIds) }],
  ])()
}

function someEvent(random: Random, streamId: string): EventToStore {
  const bytes = random.oneIn(5)
  return eventFor(streamId, {
    type: random.pick(types),
    tags: tags.filter(() => random.oneIn(3)),
    recordedAtMs: 1_700_000_000_000 + random.below(1_000),
    schemaVersion: 1 + random.below(3),
    contentType: bytes ? 'application/octet-stream' : 'application/json',
    data: bytes
      ? Uint8Array.from({ length: random.below(5) }, () => random.below(256))
      : JSON.stringify({ n: random.below(100) }),
  })
}

function someFact(random: Random): EventToStore {
  const streamId = random.pick(streamIds)
  if (random.oneIn(8)) return tombstone(streamId)
  return random.oneIn(5) ? metadataFact(streamId, '{"note":1}') : truncation(streamId, 1 + random.below(8))
}

async function someExpectation(random: Random, past: Past, streamId: string): Promise<ExpectedVersion> {
  const version = (await page(past.reference, { streamId }, { limit: 0 })).stream?.version ?? 0
  const near: readonly ExpectedVersion[] = [version, version, version + 1, Math.max(0, version - 1), 0]
  return random.pick<ExpectedVersion>([...near, 'any', 'no_stream', 'stream_exists'])
}

async function somePosition(random: Random, past: Past): Promise<number> {
  return random.below((await past.reference.head()) + 3)
}

function someQuery(random: Random): NormalQuery {
  if (random.oneIn(10)) return 'everything'
  return Array.from({ length: 1 + random.below(2) }, () => {
    const fields = random.pick([
      () => ({ tags: [random.pick(tags)] }),
      () => ({ tags: [...new Set([random.pick(tags), random.pick(tags)])] }),
      () => ({ types: [...new Set([random.pick(types), random.pick(types)])] }),
      () => ({ types: [random.pick(types)], tags: [random.pick(tags)] }),
      () => ({ categories: [random.pick(['A', 'a', 'B', '$$A'])] }),
      () => ({ streamPrefix: random.pick(['A-1', 'A', 'B-', '$$', 'C']) }),
    ])()
    return item(fields)
  })
}

async function readingLog(random: Random, past: Past): Promise<Operation> {
  const query = random.oneIn(3) ? 'everything' : someQuery(random)
  const { logShards } = past.reference.capabilities
  const shard = logShards > 1 ? { shard: random.below(logShards) } : {}
  const options = { ...(await someOptions(random, past)), ...shard }
  return {
    text: `read ${queryText(query)} ${optionsText(options)}`,
    answer: async (engine) => (await read(engine, { query }, options)).map(comparable),
  }
}

async function readingStream(random: Random, past: Past): Promise<Operation> {
  const streamId = random.oneIn(5) ? `$$${random.pick(streamIds)}` : random.pick(streamIds)
  const options = { ...(await someOptions(random, past)), from: random.below(12) + 1 }
  return {
    text: `read stream ${streamId} ${optionsText(options)}`,
    answer: async (engine) => ({
      events: (await read(engine, { streamId }, options)).map(comparable),
      stream: (await page(engine, { streamId }, { limit: 0 })).stream,
    }),
  }
}

async function someOptions(random: Random, past: Past): Promise<Partial<ReadQuery> & { readonly from: number }> {
  return {
    direction: random.pick(['forward', 'backward'] as const),
    from: Math.max(1, await somePosition(random, past)),
    limit: random.pick([1, 2, 5, 1_000]),
    maxBytes: random.pick([1, 40, 1_000_000]),
  }
}

function listing(random: Random): Operation {
  const prefix = random.pick(['', 'A', 'A-1', '$', 'C'])
  const limit = random.pick([1, 2, 100])
  return {
    text: `streams ${JSON.stringify(prefix)} by ${limit}`,
    answer: (engine) => listStreams(engine, prefix, limit),
  }
}

function shelving(random: Random): Operation {
  const key = random.pick(keys)
  const expectedVersion = random.oneIn(2) ? undefined : random.below(4)
  const value = `${random.below(100)}`
  return random.pick<() => Operation>([
    () => ({
      text: `put ${key}=${value} at ${expectedVersion}`,
      answer: (engine) => engine.shelf.put(key, value, { expectedVersion }),
    }),
    () => ({
      text: `delete ${key} at ${expectedVersion}`,
      answer: (engine) => engine.shelf.delete(key, { expectedVersion }),
    }),
    () => ({
      text: `get ${key}`,
      answer: async (engine) => {
        const entry = await engine.shelf.get(key)
        return entry && { ...entry, value: bytesAsText(entry.value) }
      },
    }),
  ])()
}

function requestText({ events, checks, condition }: AppendRequest): string {
  const shown = events.map(
    ({ id, streamId, type, tags: own }) => `${id.slice(9, 13)}${id.slice(-3)}:${streamId}/${type}[${own.join(',')}]`,
  )
  const expected = checks.map(({ streamId, expectedVersion }) => ` if ${streamId}@${expectedVersion}`)
  return `${shown.join(' ')}${expected.join('')}${condition ? ` unless ${queryText(condition.failIfMatch)} after ${condition.after}` : ''}`
}

function queryText(query: NormalQuery): string {
  if (query === 'everything') return query
  return query
    .map((one) =>
      Object.entries(one)
        .flatMap(([field, terms]) => (terms.length > 0 ? [`${field}=${terms}`] : []))
        .join('&'),
    )
    .join('|')
}

function optionsText({ direction, from, limit, maxBytes, shard }: Partial<ReadQuery>): string {
  return `${direction} from ${from} by ${limit} events, ${maxBytes} bytes${shard === undefined ? '' : `, shard ${shard}`}`
}
