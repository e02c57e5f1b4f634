import { describe, expect, it } from 'vitest'
import { badRoad } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { quickClock } from '../../../../test/dynamodb/quick-clock.ts'
import { soundLog, streamInEach } from '../../../../test/dynamodb/sharded.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import { dynamodb } from './index.ts'

/** Bytes that do not get smaller, so that their commit needs parts. */
function incompressible(bytes: number): Uint8Array {
  let state = 1
  return new Uint8Array(bytes).map(() => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 24
  })
}

const small: NewEvent = { type: 'OrderPlaced', data: { total: 1 }, tags: ['customer:ada'] }
const large: NewEvent = { type: 'ScanTaken', data: incompressible(450_000) }

/** What a process does that dies: appends of all sizes, seals of chunks, values of the shelf. */
const steps: readonly (readonly [string, readonly NewEvent[]])[] = [
  ['Order-1', [small]],
  ['Order-2', [small, small]],
  ['Scan-1', [large, small]],
  ['Order-1', [small]],
]

/** Ids that say which append they belong to, so that the next process can repeat it. */
function numbered(event: NewEvent, append: number, nth: number): NewEvent {
  return { ...event, id: `0198c6e2-5b1a-7000-8000-${String(append).padStart(6, '0')}${String(nth).padStart(6, '0')}` }
}

const logShards = 3
const [first = '', second = '', third = ''] = streamInEach(logShards)

/** The same on a log in shards: appends to one and to several, and claims before all of them. */
const shardedSteps = [
  [[first, small]],
  [
    [first, small],
    [second, { type: 'ScanTaken', data: incompressible(360_000) }],
    [third, small],
  ],
  [[first, small]],
].map((writes, append) =>
  writes.map(([streamId, event], nth) => ({
    streamId: streamId as string,
    events: [numbered(event as NewEvent, append, nth)],
  })),
)

onDynamoDB((server) => {
  describe('a process that dies before any of its requests', () => {
    it('has done each append as a whole or not at all in all shards, and its claims keep nobody from repeating it', async () => {
      let deaths = 0
      for (let requests = 1; await livesInShardsFor(requests); requests++) deaths++
      expect(deaths).toBeGreaterThan(8)
    })

    it('has done each append as a whole or not at all, and the next one goes on', async () => {
      let deaths = 0
      for (let requests = 3; await livesFor(requests); requests++) deaths++
      // One request less than a life takes, and every one of them was the last once.
      expect(deaths).toBeGreaterThan(8)
    })
  })

  /** Whether a life of so many requests was too short; checks what it has left behind. */
  async function livesFor(requests: number): Promise<boolean> {
    const table = server().freshTable()
    const road = badRoad(server().client)
    const connect = (client: Parameters<typeof dynamodb>[0]['client'] & object) =>
      openStore({ engine: dynamodb({ table, client, chunkCommits: 1, clock: quickClock() }) })
    const dying = connect(road.client)
    await dying.head()
    const begun = road.asked.length
    road.fate = () => (road.asked.length - begun > requests ? 'is lost' : 'passes')
    const acknowledged: string[] = []
    for (const [streamId, events] of steps) {
      const appended = await dying.append(streamId, events).catch(() => undefined)
      if (appended === undefined) break
      acknowledged.push(...appended.eventIds)
    }
    await dying.close()
    const isWhole = acknowledged.length === steps.flatMap(([, events]) => events).length

    await using next = connect(server().client)
    const log = await next.readAll().toArray()
    expect(log.map(({ id }) => id).slice(0, acknowledged.length)).toEqual(acknowledged)
    const lengths = steps.map((_, done) => steps.slice(0, done + 1).flatMap(([, events]) => events).length)
    expect([0, ...lengths]).toContain(log.length)
    for (const { id } of log) expect(await next.readEvent(id)).toMatchObject({ id })
    const { position } = await next.append('Order-1', [small])
    expect(position).toBe(log.length + 1)
    const ada = await next.readAll({ filter: { tags: ['customer:ada'] } }).toArray()
    expect(ada).toHaveLength(log.filter(({ tags }) => tags.length > 0).length + 1)
    const versions = (await next.readStream('Order-1').toArray()).map(({ version }) => version)
    expect(versions).toEqual(versions.map((_, at) => at + 1))
    return !isWhole
  }

  /** The same on a log in shards; the next process repeats every append. */
  async function livesInShardsFor(requests: number): Promise<boolean> {
    const table = server().freshTable()
    const road = badRoad(server().client)
    const connect = (client: Parameters<typeof dynamodb>[0]['client'] & object) =>
      openStore({ engine: dynamodb({ table, logShards, client, chunkCommits: 2, clock: quickClock() }) })
    const dying = connect(road.client)
    await dying.heads()
    const begun = road.asked.length
    road.fate = () => (road.asked.length - begun > requests ? 'is lost' : 'passes')
    let acknowledged = 0
    for (const writes of shardedSteps) {
      if ((await dying.appendAll(writes).catch(() => undefined)) === undefined) break
      acknowledged++
    }
    await dying.close()

    await using next = connect(server().client)
    const log = new Set((await next.readAll().toArray()).map(({ id }) => id))
    for (const [step, writes] of shardedSteps.entries()) {
      const there = writes.flatMap(({ events }) => events).filter(({ id = '' }) => log.has(id)).length
      expect(there).toBe(step < acknowledged || there > 0 ? writes.length : 0)
      expect(await next.appendAll(writes)).toMatchObject({ idempotent: there > 0 })
    }
    expect(await soundLog(next)).toHaveLength(shardedSteps.flat().length)
    return acknowledged < shardedSteps.length
  }
})
