import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { seeded } from '../conformance/seeded.ts'
import type { Engine } from '../engine/engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import { EngineFailed } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { type LogPositions, logShardOf, positionsAfter } from '../model/log-shard.ts'
import { openStore } from '../open-store.ts'

const logShards = 4
const streamIds = Array.from({ length: 16 }, (_, number) => `Order-${number}`)

/** A store whose reads of one shard go through `tap`. */
function tapped(shard: number, tap: (real: Engine['read']) => Engine['read']): EventStore {
  const engine = memory({ logShards })
  const slow = tap(engine.read)
  return openStore({
    engine: { ...engine, read: (query, signal) => (query.shard === shard ? slow : engine.read)(query, signal) },
  })
}

async function fill(store: EventStore, events = 3): Promise<void> {
  const some = Array.from({ length: events }, () => ({ type: 'Noted', data: {} }))
  for (const streamId of streamIds) await store.append(streamId, some)
}

function shardOf({ streamId }: RecordedEvent): number {
  return logShardOf(streamId, logShards)
}

describe('a subscription to a log in shards', () => {
  it('waits for no shard: while one does not answer, the events of the others come', async () => {
    const store = tapped(2, () => () => new Promise(() => undefined))
    await fill(store)
    const fromOthers = streamIds.filter((streamId) => logShardOf(streamId, logShards) !== 2).length * 3
    const seen: RecordedEvent[] = []
    for await (const event of store.subscribe()) if (seen.push(event) === fromOthers) break
    ok(seen.every((event) => shardOf(event) !== 2))
    await store.close()
  })

  it('says caught up only when every shard is', async () => {
    let answer = (): void => undefined
    const asked = new Promise<void>((resolve) => {
      answer = resolve
    })
    const store = tapped(1, (real) => async (query, signal) => {
      await asked
      return real(query, signal)
    })
    await fill(store)
    const kinds: string[] = []
    for await (const item of store.subscribe({ marks: true })) {
      if (item.kind !== 'event') kinds.push(item.kind)
      // Its own mark, and one of each shard that is there.
      if (kinds.length === logShards) answer()
      if (item.kind === 'caught_up') break
    }
    deepEqual(kinds, ['checkpoint', 'checkpoint', 'checkpoint', 'checkpoint', 'caught_up'])
    await store.close()
  })

  it('gives shards turns, page by page, so that a long one does not keep the others away', async () => {
    const store = openStore({ engine: memory({ logShards }) })
    const [long, short] = [
      'Order-0',
      streamIds.find((id) => logShardOf(id, logShards) !== logShardOf('Order-0', logShards)),
    ]
    await store.append(
      long as string,
      Array.from({ length: 5_000 }, () => ({ type: 'Noted', data: {} })),
    )
    await store.append(short as string, [{ type: 'Noted', data: {} }])
    let before = 0
    for await (const event of store.subscribe()) {
      if (event.streamId === short) break
      before++
    }
    ok(before <= 1_000, `${before} events came before the other shard had its turn`)
    await store.close()
  })

  it('ends with the failure of one shard, and leaves nothing waiting', async () => {
    const store = tapped(3, () => async () => {
      throw new EngineFailed('memory', 'the shard is gone')
    })
    await fill(store)
    await rejects(
      async () => {
        for await (const _ of store.subscribe());
      },
      { code: 'ENGINE_FAILED' },
    )
    await store.close()
  })

  it('follows one stream by version, whichever shard it lies in', async () => {
    const store = openStore({ engine: memory({ logShards }) })
    await fill(store)
    for (const stream of streamIds.slice(0, 6)) {
      const versions: number[] = []
      const following = (async () => {
        for await (const { version } of store.subscribe({ stream, from: 2, checkpoint: stream })) {
          if (versions.push(version) === 3) return
        }
      })()
      await store.append(stream, [{ type: 'Noted', data: {} }])
      await following
      deepEqual(versions, [2, 3, 4])
      deepEqual(await store.checkpoints.load(stream), { position: 3, version: 1 })
    }
    await store.close()
  })
})

/** Random worlds in a row; VARVE_SHARD_SEED replays one, VARVE_SHARD_RUNS asks for more. */
const runs = Number(process.env.VARVE_SHARD_RUNS ?? 60)
const firstSeed = Number(process.env.VARVE_SHARD_SEED ?? Math.floor(Math.random() * 0x1_0000_0000))

describe('a reader that stops and goes on at random, while others append', () => {
  it(`gets each event once, and the events of a stream in their order (VARVE_SHARD_SEED=${firstSeed})`, async () => {
    for (let run = 0; run < runs; run++) {
      const seed = (firstSeed + run) >>> 0
      await readInParts(seed).catch((cause: unknown) => {
        throw new Error(`VARVE_SHARD_SEED=${seed} VARVE_SHARD_RUNS=1 replays it.`, { cause })
      })
    }
    expect(runs).toBeGreaterThan(0)
  })
})

/** A place is kept as a program of its own would keep it, or under a name in the store. */
async function readInParts(seed: number): Promise<void> {
  const random = seeded(seed)
  const shards = 2 + random.below(7)
  const store = openStore({ engine: memory({ logShards: shards }) })
  const isNamed = random.oneIn(2)
  const wanted = 40 + random.below(120)
  const versions = new Map<string, number>()
  let places: LogPositions = Array.from({ length: shards }, () => 0)
  let [appended, seen] = [0, 0]
  while (seen < wanted) {
    for (let more = random.below(6); more > 0 && appended < wanted; more--) {
      const count = Math.min(1 + random.below(4), wanted - appended)
      const events = Array.from({ length: count }, () => ({ type: 'Noted', data: {} }))
      await store.append(random.pick(streamIds), events)
      appended += count
    }
    const options = isNamed ? { checkpoint: { name: 'reader', everyEvents: 1 } } : { after: places }
    let left = 1 + random.below(9)
    for await (const item of store.subscribe({ ...options, marks: true })) {
      // With a name, an item during which the loop is left comes again: so it is left before it is handled.
      if (left-- === 0) break
      take(item)
      if (seen === appended) break
    }
    if (isNamed && seen === appended) await store.checkpoints.save('reader', places)
  }
  equal(seen, wanted)
  await store.close()

  function take(item: SubscriptionItem): void {
    if (item.kind !== 'event') {
      ok(
        (item.positions ?? []).every((position, shard) => position >= (places[shard] ?? 0)),
        'a mark went back',
      )
      places = item.positions ?? places
      return
    }
    const { streamId, version } = item.event
    equal(version, (versions.get(streamId) ?? 0) + 1, `${streamId} comes in its order, each event once`)
    versions.set(streamId, version)
    places = positionsAfter(places, item.event)
    seen++
  }
}
