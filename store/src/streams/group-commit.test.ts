import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Clock } from '../engine/clock.ts'
import type { AppendOutcome, AppendRequest, Engine } from '../engine/engine.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { EngineFailed, EngineUnavailable } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { logShardOf } from '../model/log-shard.ts'
import { createGroupCommit } from './group-commit.ts'
import { type PreparedAppend, prepareAppend } from './prepare.ts'

/** The memory engine with its batches recorded, its commits held back until told, and failures on demand. */
function recordedEngine({ logShards = 1, batchesInFlight = 1 } = {}): Engine & {
  batches: string[][]
  fail: (batch: readonly AppendRequest[]) => Error | undefined
} {
  const engine = memory({ logShards })
  const recorded = {
    ...engine,
    capabilities: { ...engine.capabilities, batchesInFlight },
    batches: [] as string[][],
    fail: (_: readonly AppendRequest[]): Error | undefined => undefined,
    append: async (batch: readonly AppendRequest[]): Promise<readonly AppendOutcome[]> => {
      recorded.batches.push(batch.map((request) => request.events[0]?.type ?? ''))
      await Promise.resolve()
      const failure = recorded.fail(batch)
      if (failure !== undefined) throw failure
      return engine.append(batch)
    },
  }
  return recorded
}

let ids = 0
function prepared(type: string, events = 1): PreparedAppend {
  const newId = (): string => `00000000-0000-7000-8000-${(++ids).toString(16).padStart(12, '0')}`
  const news = Array.from({ length: events }, () => ({ type, data: null }))
  return prepareAppend([{ streamId: `S-${type}`, events: news }], {}, { newId, now: () => 0 })
}

/** An append of one event with this many characters in its payload. */
function long(type: string, chars: number, char = 'x'): PreparedAppend {
  const { request } = prepared(type)
  const events = request.events.map((event) => ({ ...event, data: char.repeat(chars), metadata: '' }))
  return { request: { ...request, events }, bytesAtMost: chars * 3 }
}

const clock: Clock = systemClock

describe('group commit', () => {
  it('sends a single append on an idle store at once, without a timer', async () => {
    const engine = recordedEngine()
    const stopped: Clock = { ...clock, sleep: () => Promise.reject(new Error('a timer was asked for')) }
    const outcome = await createGroupCommit(engine, stopped).submit(prepared('a'))
    equal(outcome.status, 'done')
    deepEqual(engine.batches, [['a']])
  })

  it('commits appends of one turn together, in the order they came', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    await Promise.all(['a', 'b', 'c'].map((type) => commit.submit(prepared(type))))
    deepEqual(engine.batches, [['a', 'b', 'c']])
  })

  it('gathers what arrives during a commit into the next one', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const first = commit.submit(prepared('a'))
    await Promise.resolve()
    await Promise.resolve()
    const later = ['b', 'c'].map((type) => commit.submit(prepared(type)))
    await Promise.all([first, ...later])
    deepEqual(engine.batches, [['a'], ['b', 'c']])
  })

  it('refills a batch with the appenders it has just answered', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const appender = async (type: string): Promise<void> => {
      for (let round = 0; round < 3; round++) await commit.submit(prepared(type))
    }
    await Promise.all(['a', 'b', 'c', 'd'].map(appender))
    deepEqual(
      engine.batches,
      Array.from({ length: 3 }, () => ['a', 'b', 'c', 'd']),
    )
  })

  it('shares many appenders between the batches that may be in flight', async () => {
    const engine = recordedEngine({ batchesInFlight: 2 })
    const commit = createGroupCommit(engine, clock)
    const appender = async (type: string): Promise<void> => {
      for (let round = 0; round < 3; round++) await commit.submit(prepared(type))
    }
    await Promise.all(Array.from({ length: 64 }, (_, nth) => appender(`${nth}`)))
    deepEqual(
      engine.batches.map((batch) => batch.length),
      [32, 32, 32, 32, 32, 32],
    )
  })

  it('keeps appenders together whose shares would be small', async () => {
    const engine = recordedEngine({ batchesInFlight: 2 })
    const commit = createGroupCommit(engine, clock)
    await Promise.all(Array.from({ length: 62 }, (_, nth) => commit.submit(prepared(`${nth}`))))
    deepEqual(
      engine.batches.map((batch) => batch.length),
      [62],
    )
  })

  it('bounds a batch in events and lets a larger append go alone', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const half = limits.batchEvents / 2
    const sizes = { a: half, b: half, c: 1, large: limits.batchEvents + 1, d: 1 }
    await Promise.all(Object.entries(sizes).map(([type, events]) => commit.submit(prepared(type, events))))
    deepEqual(engine.batches, [['a', 'b'], ['c'], ['large'], ['d']])
  })

  it.each(['x', 'é', '€'])('bounds a batch in bytes, of which a character may have several: %s', async (char) => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const chars = Math.floor(limits.batchBytes / 2 / Buffer.byteLength(char))
    await Promise.all(['a', 'b', 'c'].map((type) => commit.submit(long(type, chars, char))))
    await Promise.all(['d', 'e'].map((type) => commit.submit(long(type, chars + 1, char))))
    deepEqual(engine.batches, [['a', 'b'], ['c'], ['d'], ['e']])
  })

  it('bounds the queue in bytes, and says how many wait', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const [half, third] = [limits.queueBytes / 2, Math.floor(limits.queueBytes / 3)]
    const abort = new AbortController()
    const given = rejects(commit.submit(long('a', half), abort.signal))
    const kept = [commit.submit(long('b', half / 2, 'é'))]
    throws(() => void commit.submit(long('c', 1)), { code: 'QUEUE_FULL', queuedEvents: 2, queuedBytes: half * 2 })
    abort.abort()
    kept.push(commit.submit(long('d', half)))
    throws(() => void commit.submit(long('e', third, '€')), { code: 'QUEUE_FULL', queuedEvents: 2 })
    await Promise.all([given, ...kept])
    equal((await commit.submit(long('f', third, '€'))).status, 'done')
  })

  it('refuses an append when the queue is full and takes it again once there is room', async () => {
    const commit = createGroupCommit(recordedEngine(), clock)
    const filling = commit.submit(long('a', limits.queueBytes))
    throws(() => void commit.submit(prepared('b')), { code: 'QUEUE_FULL', retryable: true })
    await filling
    equal((await commit.submit(prepared('b'))).status, 'done')
  })

  it('lets a request that breaks the engine fail alone', async () => {
    const engine = recordedEngine()
    engine.fail = (batch) =>
      batch.some((request) => request.events[0]?.type === 'poison') ? new EngineFailed('memory', 'poisoned') : undefined
    const commit = createGroupCommit(engine, clock)
    const outcomes = await Promise.allSettled(['a', 'poison', 'b'].map((type) => commit.submit(prepared(type))))
    deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  })

  it('does not send a batch again when the engine is away', async () => {
    const engine = recordedEngine()
    engine.fail = () => new EngineUnavailable('memory', 'away')
    const commit = createGroupCommit(engine, clock)
    const outcomes = await Promise.allSettled(['a', 'b'].map((type) => commit.submit(prepared(type))))
    deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['rejected', 'rejected'],
    )
    deepEqual(engine.batches, [['a', 'b']])
  })

  it('takes back an append whose signal aborts before it was sent', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const abort = new AbortController()
    const given = commit.submit(prepared('a'), abort.signal)
    const kept = commit.submit(prepared('b'))
    abort.abort(new Error('changed my mind'))
    await rejects(given, /changed my mind/)
    await kept
    deepEqual(engine.batches, [['b']])
  })

  it('stops waiting for an append whose signal aborts after it was sent, which may still be committed', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const abort = new AbortController()
    const given = commit.submit(prepared('a'), abort.signal)
    await Promise.resolve()
    abort.abort(new Error('too slow'))
    await rejects(given, /too slow/)
    await commit.close()
    equal(await engine.head(), 1)
  })

  it('answers what it took in before it closes, and refuses what comes later', async () => {
    const engine = recordedEngine()
    const commit = createGroupCommit(engine, clock)
    const taken = commit.submit(prepared('a'))
    const closing = commit.close()
    throws(() => void commit.submit(prepared('b')), { code: 'STORE_CLOSED' })
    await closing
    equal((await taken).status, 'done')
  })

  it('commits what goes to different log shards beside each other, and what goes to several together', async () => {
    const engine = recordedEngine({ logShards: 4 })
    const commit = createGroupCommit(engine, clock)
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const several = prepareAppend(
      names.map((name) => ({ streamId: `S-${name}`, events: [{ type: 'all', data: null }] })),
      {},
      { newId: () => prepared('x').request.events[0]?.id ?? '', now: () => 0 },
    )
    await Promise.all([...names.map((name) => commit.submit(prepared(name))), commit.submit(several)])
    const shardOf = (name: string): number => logShardOf(`S-${name}`, 4)
    const byShard = [...Map.groupBy(names, shardOf).values()]
    deepEqual(engine.batches.toSorted(), [...byShard, ['all']].toSorted())
    await commit.close()
  })
})
