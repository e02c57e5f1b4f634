import { deepEqual, equal } from 'node:assert/strict'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { memory } from '../../../engines/memory/index.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { rebuildProjection } from '../../admin.ts'
import { defineProjection } from '../../projection.ts'
import { runProjections } from '../../run-projections.ts'
import { type RedisTarget, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
const servers: RedisServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

/** A server that keeps nothing but snapshots that are asked for. */
async function forgetful(): Promise<RedisServer> {
  const server = await startRedis({ settings: ['--appendonly', 'no'] })
  servers.push(server)
  return server
}

async function told(server: RedisServer, ...args: string[]): Promise<void> {
  const admin = await createClient({ url: server.url }).connect()
  await admin.sendCommand(args)
  admin.destroy()
}

const stockIn = (target: RedisTarget, partitions: number) =>
  defineProjection({
    ...{ name: 'stock', target, partitions, events: defineEvents({ Received: event<Record<string, never>>() }) },
    on: { Received: (redis, { streamId }) => redis.hincrby('cups', streamId, 1) },
  })

/** A projection that has come to its end, and adds events to two streams. */
async function running(server: RedisServer, partitions: number) {
  const store = openStore({ engine: memory() })
  const target = redisTarget({ url: server.url, prefix: 'stock' })
  const runner = runProjections(store, [stockIn(target, partitions)], { leaseMs: 400, log: () => undefined })
  const add = async (...streams: readonly string[]): Promise<void> => {
    for (const stream of streams) await store.append(stream, [{ type: 'Received', data: {} }])
    await runner.waitFor('stock', await store.head())
  }
  const cups = async () => Object.fromEntries(await target.readModel.hgetall('cups'))
  return { store, target, add, cups, runner }
}

describe.skipIf(reason)('a Redis that comes back', () => {
  it('without any data is filled again by all partitions, the generations too', async () => {
    const server = await forgetful()
    const { store, target, add, cups, runner } = await running(server, 2)
    await add('Stock-1', 'Stock-2', 'Stock-2')
    await rebuildProjection(store, 'stock')
    await expect.poll(() => target.generations.published('stock')).toBe(2)
    await server.kill()
    await server.start()
    await add('Stock-1')
    await expect.poll(cups, { timeout: 10_000 }).toEqual({ 'Stock-1': '2', 'Stock-2': '2' })
    equal(await target.generations.published('stock'), 2)
    await runner.stop()
    await target.close()
  })

  it('with the data of an earlier time is written to from there on', async () => {
    const server = await forgetful()
    const { target, add, cups, runner } = await running(server, 1)
    await add('Stock-1', 'Stock-2')
    await told(server, 'SAVE')
    await add('Stock-1', 'Stock-1')
    await server.kill()
    await server.start()
    await add('Stock-2')
    deepEqual(await cups(), { 'Stock-1': '3', 'Stock-2': '2' })
    await runner.stop()
    await target.close()
  })
})

it.skipIf(reason)('a read model whose record was taken away begins without what it held before', async () => {
  const server = await forgetful()
  const first = redisTarget({ url: server.url, prefix: 'stock', random: () => 0.25 })
  const begin = (target: RedisTarget): Promise<void> =>
    target.write({
      ...{ projection: 'stock', expected: undefined, next: firstCheckpoint(1), empty: true },
      apply: (redis) => redis.hincrby('cups', 'tea', 1),
    })
  await begin(first)
  await told(server, 'DEL', '{stock}:g0')
  const second = redisTarget({ url: server.url, prefix: 'stock', random: () => 0.75 })
  await begin(second)
  deepEqual([await first.readModel.hget('cups', 'tea'), await second.readModel.hget('cups', 'tea')], ['1', '1'])
  await first.close()
  await second.close()
})
