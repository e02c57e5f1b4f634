import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { collectOrphans } from '../claims/collect-orphans.ts'
import { memoryBlobs } from '../claims/memory-blobs.ts'
import { defineDecider } from '../deciders/decider.ts'
import { execute } from '../deciders/execute.ts'
import { recentStates } from '../deciders/recent-states.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { createGroup } from '../groups/admin.ts'
import { consume } from '../groups/consume.ts'
import { logShardOf } from '../model/log-shard.ts'
import { openStore } from '../open-store.ts'
import { project } from '../projections/project.ts'
import { defineProjection } from '../projections/projection.ts'
import { rebuild } from '../projections/rebuild.ts'
import { runProjections } from '../projections/run-projections.ts'
import { memoryTarget } from '../projections/targets/memory.ts'
import { react } from '../reactions/react.ts'
import { defineReaction } from '../reactions/reaction.ts'
import { defineEvents, event } from '../schema/events.ts'

const logShards = 4
const events = defineEvents({ Noted: event<{ n: number }>() })
const noted = { type: 'Noted', data: { n: 1 } } as const
const refused = { code: 'NOT_SUPPORTED', capability: 'logShards' }

function opened(): EventStore {
  return openStore({ engine: memory({ logShards }) })
}

describe('the shard of a stream', () => {
  it('is the same for ever', () => {
    const shards = ['Order-1', 'Order-2', 'Order-3', 'a', '', '🐘', '$$'].map((streamId) => logShardOf(streamId, 16))
    deepEqual(shards, [4, 8, 11, 3, 11, 2, 13])
    equal(logShardOf('Order-1', 1), 0)
  })

  it('is that of the facts about it, and of the facts about these', () => {
    for (const streamId of ['Order-1', 'Order-2', 'Order-3', '🐘']) {
      equal(logShardOf(`$$${streamId}`, 16), logShardOf(streamId, 16))
      equal(logShardOf(`$$$$${streamId}`, 16), logShardOf(streamId, 16))
    }
  })

  it('leaves no shard without its share of streams that differ in a number only', () => {
    const counts = new Array<number>(16).fill(0)
    for (let n = 0; n < 16_000; n++) {
      const shard = logShardOf(`Order-${n}`, 16)
      counts[shard] = (counts[shard] ?? 0) + 1
    }
    deepEqual(
      counts.filter((count) => count < 850 || count > 1_150),
      [],
    )
  })
})

describe('what rests on one order of the whole log', () => {
  it('refuses to begin on a log in shards, by name', async () => {
    const store = opened()
    const projection = defineProjection({
      name: 'notes',
      events,
      target: memoryTarget(() => new Map<string, number>()),
      on: { Noted: () => undefined },
    })
    const reaction = defineReaction({
      name: 'notes',
      events,
      on: { Noted: () => undefined },
      send: async () => undefined,
    })
    throws(() => project(store, projection), refused)
    throws(() => runProjections(store, [projection]), refused)
    throws(() => react(store, reaction), refused)
    await rejects(rebuild(store, projection), refused)
    await rejects(createGroup(store, 'mailer'), refused)
  })

  it('is not what a group over one stream rests on', async () => {
    const store = opened()
    await store.append('Order-1', [noted, noted])
    await createGroup(store, 'mailer', { stream: 'Order-1' })
    const versions: number[] = []
    for await (const delivery of consume(store, 'mailer')) {
      versions.push(delivery.event.version)
      await delivery.ack()
      if (versions.length === 2) break
    }
    deepEqual(versions, [1, 2])
    await store.close()
  })
})

describe('on a log in shards', () => {
  it('commands are decided on remembered states, and a fact in any shard is noticed', async () => {
    const store = opened()
    const decider = defineDecider({
      events,
      initialState: () => 0,
      decide: (_: 'note', count: number) => ({ type: 'Noted', data: { n: count } }) as const,
      evolve: (count) => count + 1,
    })
    const options = { recent: recentStates() }
    for (const streamId of ['Order-1', 'Order-2', 'Order-3', 'Order-4', 'Order-5']) {
      const note = async (): Promise<unknown> =>
        (await execute(store, { decider, streamId, command: 'note' }, options)).events.map(({ data }) => data)
      deepEqual([await note(), await note()], [[{ n: 0 }], [{ n: 1 }]])
      await store.deleteStream(streamId)
      deepEqual(await note(), [{ n: 0 }])
    }
  })

  it('a deletion that changes nothing names the head of its own shard', async () => {
    const store = opened()
    for (let n = 0; n < 12; n++) await store.append(`Order-${n}`, [noted])
    const heads = await store.heads()
    const { position, changed } = await store.deleteStream('Never-1')
    deepEqual([position, changed], [heads[logShardOf('Never-1', logShards)], false])
  })

  it('orphans are collected, for the log was read to the head of every shard', async () => {
    const store = opened()
    for (let n = 0; n < 12; n++) await store.append(`Order-${n}`, [noted])
    const { events: read } = await collectOrphans(memoryBlobs(), [store], { whenNoneIsNamed: 'collect' })
    equal(read, 12)
  })

  it('a trace links an effect to its cause in another shard, wherever they are read', async () => {
    const store = opened()
    const ids = Array.from({ length: 8 }, (_, n) => `0190a000-0000-7000-8000-00000000000${n}`)
    for (const [n, id] of ids.entries()) {
      const metadata = { correlationId: 'req-1', ...(n > 0 && { causationId: ids[n - 1] as string }) }
      await store.append(`Order-${n}`, [{ ...noted, id, metadata }])
    }
    const { roots } = await store.trace('req-1')
    equal(roots.length, 1)
    let depth = 0
    for (let [at] = roots; at !== undefined; [at] = at.effects) equal(at.event.id, ids[depth++])
    equal(depth, 8)
  })

  it('a trace whose causes lead round in a circle has a root all the same, and every event once', async () => {
    const store = opened()
    const ids = Array.from({ length: 6 }, (_, n) => `0190a000-0000-7000-8000-00000000000${n}`)
    for (const [n, id] of ids.entries()) {
      const metadata = { correlationId: 'req-1', causationId: ids[(n + 5) % 6] as string }
      await store.append(`Order-${n}`, [{ ...noted, id, metadata }])
    }
    const { roots } = await store.trace('req-1')
    const seen: string[] = []
    const visit = (nodes: typeof roots): void => {
      for (const node of nodes) {
        seen.push(node.event.id)
        visit(node.effects)
      }
    }
    visit(roots)
    deepEqual(seen.sort(), ids)
  })
})
