import { describe, expect, it } from 'vitest'
import { badRoad } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { quickClock } from '../../../../test/dynamodb/quick-clock.ts'
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

onDynamoDB((server) => {
  describe('a process that dies before any of its requests', () => {
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
})
