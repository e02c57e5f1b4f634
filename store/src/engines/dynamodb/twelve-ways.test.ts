import { describe, expect, it } from 'vitest'
import { badRoad } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import { dynamodb } from './index.ts'

/*
 * The design that most people begin with puts events with a batch writer, without a condition, into one partition with a
 * secondary index by time. It is wrong in twelve ways. One test for each, of what holds here instead.
 */

const event = (number: number, fields: Partial<NewEvent> = {}): NewEvent => ({
  type: 'Counted',
  data: { number },
  ...fields,
})

onDynamoDB((server) => {
  function openTwo(chunkCommits = 2) {
    const [table, road] = [server().freshTable(), badRoad(server().client)]
    const connect = () => openStore({ engine: dynamodb({ table, client: road.client, chunkCommits, lookMsMax: 50 }) })
    return { left: connect(), right: connect(), road, close: (...stores: AsyncDisposable[]) => closeAll(stores) }
  }

  async function closeAll(stores: readonly AsyncDisposable[]): Promise<void> {
    for (const store of stores) await store[Symbol.asyncDispose]()
  }

  describe('unlike a batch writer and an index by time, the engine', () => {
    it('1. never overwrites a version that another process has written', async () => {
      const { left, right, close } = openTwo()
      await right.head()
      await left.append('A-1', [event(1)])
      const late = right.append('A-1', [event(2)], { expectedVersion: 0 })
      await expect(late).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: 1 })
      expect(await right.readStream('A-1').toArray()).toMatchObject([{ data: { number: 1 } }])
      await close(left, right)
    })

    it('2. writes an append whole also when a part of a batch is given back unprocessed', async () => {
      const { left, right, road, close } = openTwo()
      road.fate = ({ verb }) => (verb.startsWith('Batch') ? 'is done in part' : 'passes')
      for (let number = 1; number <= 5; number++) await left.append('A-1', [event(number), event(-number)])
      const numbers = (await right.readStream('A-1').toArray()).map(({ data }) => (data as { number: number }).number)
      expect(numbers).toEqual([1, -1, 2, -2, 3, -3, 4, -4, 5, -5])
      await close(left, right)
    })

    it('3. splits no append, however many events it has, and drops none of two that are alike', async () => {
      const { left, right, close } = openTwo()
      const events = Array.from({ length: 120 }, () => event(1))
      const { firstPosition, position } = await left.append('A-1', events)
      expect(position - firstPosition + 1).toBe(120)
      expect(await right.readStream('A-1').toArray()).toHaveLength(120)
      await close(left, right)
    })

    it('4. knows an append again that is repeated, by any process and whenever', async () => {
      const { left, right, close } = openTwo()
      const first = await left.append('A-1', [event(1)], { idempotencyKey: 'request-1' })
      for (let number = 2; number <= 6; number++) await left.append('A-1', [event(number)])
      const again = await right.append('A-1', [event(1)], { idempotencyKey: 'request-1' })
      expect(again).toEqual({ ...first, idempotent: true })
      await close(left, right)
    })

    it('5. gives versions without a hole to processes that never read them first', async () => {
      const { left, right, close } = openTwo()
      const appends = Array.from({ length: 12 }, (_, number) =>
        [left, right][number % 2]?.append('A-1', [event(number)]),
      )
      const versions = (await Promise.all(appends)).map((appended) => appended?.version ?? 0)
      expect(versions.sort((one, other) => one - other)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1))
      await close(left, right)
    })

    it('6. orders by commits, whatever clocks say', async () => {
      const { left, right, close } = openTwo()
      await left.append('A-1', [event(1, { timestamp: '2030-01-01T00:00:00.000Z' })])
      await right.append('A-2', [event(2, { timestamp: '1999-01-01T00:00:00.000Z' })])
      await left.append('A-3', [event(3, { timestamp: '1999-01-01T00:00:00.000Z' })])
      const tailed: number[] = []
      for await (const { data, position } of right.subscribe({ from: 2 })) {
        tailed.push((data as { number: number }).number)
        if (position === 3) break
      }
      expect(tailed).toEqual([2, 3])
      await close(left, right)
    })

    it('7. reads nothing that is eventually consistent, and from no secondary index', async () => {
      const { left, right, road, close } = openTwo()
      for (let number = 1; number <= 5; number++) await left.append('A-1', [event(number, { tags: ['one'] })])
      await right.readStream('A-1').toArray()
      await right.readAll({ filter: { tags: ['one'] } }).toArray()
      await right.streamInfo('A-1')
      const queries = road.asked.filter(({ verb }) => verb === 'Query')
      expect(queries.length).toBeGreaterThan(0)
      for (const { input } of queries) expect(input).toMatchObject({ ConsistentRead: true })
      expect(road.asked.every(({ input }) => !('IndexName' in input))).toBe(true)
      await close(left, right)
    })

    it('8. spreads what it reads and writes over partitions, streams and terms each to one of its own', async () => {
      const { left, road, close } = openTwo(1)
      for (let number = 0; number < 8; number++) await left.append(`A-${number}`, [event(number)])
      const streams = () => {
        const puts = road.asked.filter(({ verb }) => verb === 'BatchWriteItem')
        return new Set(JSON.stringify(puts.map(({ input }) => input)).match(/S#0#[\w-]+/g)).size
      }
      await expect.poll(streams).toBe(8)
      await close(left)
    })

    it('9. keeps the order in which one append gives its events, over several streams', async () => {
      const { left, right, close } = openTwo()
      await left.appendAll([
        { streamId: 'B-1', events: [event(1), event(2)] },
        { streamId: 'A-1', events: [event(3)] },
      ])
      const all = await right.readAll().toArray()
      expect(all.map(({ position, data }) => [position, data])).toEqual([
        [1, { number: 1 }],
        [2, { number: 2 }],
        [3, { number: 3 }],
      ])
      await close(left, right)
    })

    it('10. stores a large payload once, and no projection of everything beside it', async () => {
      const { left, road, close } = openTwo(1)
      const blob = new Uint8Array(100_000).map((_, at) => (at * at * 31) % 251)
      await left.append('A-1', [{ type: 'Scanned', data: blob }])
      await left.append('A-1', [event(1)])
      await close(left)
      const sealed = road.asked.filter(({ verb }) => verb === 'BatchWriteItem')
      expect(sealed.length).toBeGreaterThan(0)
      for (const { input } of sealed) expect(bytesIn(input)).toBeLessThan(10_000)
    })

    it('11. reads a few events by their tag without reading the log', async () => {
      const { left, right, road, close } = openTwo(4)
      for (let number = 0; number < 40; number++) await left.append('A-1', [event(number, { tags: [`n:${number}`] })])
      await right.head()
      // What it still writes beside its appends is done once it is closed.
      await close(left)
      road.asked.length = 0
      const found = await right.readAll({ filter: { tags: ['n:3'] } }).toArray()
      expect(found).toMatchObject([{ data: { number: 3 } }])
      expect(road.asked.length).toBeLessThan(8)
      await close(right)
    })

    it('12. reads every page to its end', async () => {
      const { left, right, road, close } = openTwo()
      for (let number = 1; number <= 9; number++)
        await left.append(`A-${number % 3}`, [event(number, { tags: ['one'] })])
      road.fate = ({ verb }) => (verb === 'Query' ? 'is done in part' : 'passes')
      expect(await right.readAll().toArray()).toHaveLength(9)
      expect(await right.readAll({ filter: { tags: ['one'] }, direction: 'backward' }).toArray()).toHaveLength(9)
      expect(await right.readStream('A-1').toArray()).toHaveLength(3)
      expect(await right.streams().toArray()).toHaveLength(3)
      await close(left, right)
    })
  })
})

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((sum: number, one) => sum + bytesIn(one), 0)
}
