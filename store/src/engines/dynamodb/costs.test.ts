import { describe, expect, it } from 'vitest'
import { metered } from '../../../../test/dynamodb/metered.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { streamInEach } from '../../../../test/dynamodb/sharded.ts'
import { systemClock } from '../../engine/system-clock.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import { dynamodb } from './index.ts'

/** An event of some 350 bytes, as orders have them. */
function placed(order: number): NewEvent {
  const lines = Array.from({ length: 5 }, (_, line) => ({ sku: `sku-${order}-${line}`, quantity: line, cents: 1_995 }))
  return { type: 'OrderPlaced', data: { order, lines }, tags: [`customer:${order % 500}`] }
}

onDynamoDB((server) => {
  /** With a clock that stands still: the ids of what is appended together are of one moment, however slow the machine is. */
  function openMetered(logShards = 1) {
    const meter = metered(server().client)
    const engine = dynamodb({ table: server().freshTable(), logShards, client: meter.client })
    const now = systemClock.now()
    const store = openStore({ engine, clock: { ...systemClock, now: () => now } })
    return { meter, store }
  }

  describe('what an append costs', () => {
    it('is one write unit for one event, and nothing to read where the stream is known', async () => {
      const { meter, store } = openMetered()
      await store.append('Order-1', [placed(1)])
      meter.take()
      await store.append('Order-1', [placed(2)], { expectedVersion: 1 })
      expect(meter.take()).toEqual({ write: 1, read: 0, requests: 1 })
      await store.close()
    })

    it.each([
      [10, 1],
      [25, 2],
    ])('is a write unit for each compressed kilobyte when %i events come together', async (events, units) => {
      const { meter, store } = openMetered()
      await store.head()
      meter.take()
      await store.append(
        'Order-1',
        Array.from({ length: events }, (_, order) => placed(order)),
      )
      expect(meter.take()).toMatchObject({ write: units, requests: 1 })
      await store.close()
    })

    it('is shared by appends that wait together', async () => {
      const { meter, store } = openMetered()
      await store.head()
      meter.take()
      await Promise.all(Array.from({ length: 25 }, (_, order) => store.append(`Order-${order}`, [placed(order)])))
      expect(meter.take()).toMatchObject({ requests: 1 })
      await store.close()
    })

    it('has the indexes in it, which are written for many appends at once', async () => {
      const { meter, store } = openMetered()
      await store.head()
      meter.take()
      for (let order = 0; order < 64; order++) await store.append(`Order-${order % 16}`, [placed(order)])
      await store.close()
      const { write } = meter.take()
      process.stderr.write(`64 appends of one event to 16 streams, with their indexes: ${write} write units\n`)
      expect(write / 64).toBeLessThan(3)
    })

    it('is one read unit for each look of somebody who waits', async () => {
      const { meter, store } = openMetered()
      await store.append('Order-1', [placed(1)])
      meter.take()
      await store.head()
      expect(meter.take()).toEqual({ write: 0, read: 1, requests: 1 })
      await store.close()
    })
  })

  describe('what an append costs on a log in shards', () => {
    const streams = streamInEach(4)

    it.each([
      [1, 2],
      [10, 2],
      [25, 3],
    ])('is one claim and one look at the claims of others more, for %i events of one moment', async (events, units) => {
      const { meter, store } = openMetered(4)
      await store.append(streams[1] ?? '', [placed(0)])
      meter.take()
      await Promise.all(Array.from({ length: events }, (_, order) => store.append(streams[1] ?? '', [placed(order)])))
      const { write, read, requests } = meter.take()
      expect(write).toBe(units)
      expect([1, 2]).toContain(read)
      expect(requests).toBeLessThanOrEqual(4)
      await store.close()
    })

    it('is a transaction for streams of several shards, and a claim for each of them', async () => {
      const { meter, store } = openMetered(4)
      await store.heads()
      meter.take()
      await store.appendAll(streams.map((streamId, order) => ({ streamId, events: [placed(order)] })))
      expect(meter.take()).toMatchObject({ write: 4 * 2 + 4 })
      await store.close()
    })

    it('is one read unit for each shard when somebody looks at the ends of all', async () => {
      const { meter, store } = openMetered(4)
      await store.append(streams[0] ?? '', [placed(1)])
      await store.heads()
      meter.take()
      await store.heads()
      expect(meter.take()).toEqual({ write: 0, read: 4, requests: 4 })
      await store.close()
    })
  })
})
