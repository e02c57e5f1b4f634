import { deepEqual, equal } from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { type OpenedTarget, targetConformance } from '../../../conformance/index.ts'
import { memory } from '../../../engines/memory/index.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { rebuildProjection } from '../../admin.ts'
import { project } from '../../project.ts'
import { defineProjection } from '../../projection.ts'
import { rebuild } from '../../rebuild.ts'
import { runProjections } from '../../run-projections.ts'
import { verifyProjection } from '../../verify.ts'
import { type RedisReadModel, type RedisTarget, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
let server: RedisServer
let targets = 0

beforeAll(async () => {
  if (reason === undefined) server = await startRedis()
})
afterAll(async () => server?.stop())

const fresh = (): RedisTarget => redisTarget({ url: server.url, prefix: `fresh-${++targets}` })

/** In a hash, whose fields may have any name. */
const counting: OpenedTarget<RedisReadModel>['counting'] = {
  empty: () => undefined,
  add: (redis, { key, by }) => redis.hincrby('counts', key, by),
  count: async (redis, key) => Number((await redis.hget('counts', key)) ?? 0),
}

/** As the one before, but reading what it changes: no increment commutes, and every read sees the batch. */
const countingByReads: OpenedTarget<RedisReadModel>['counting'] = {
  ...counting,
  add: async (redis, { key, by }) => {
    redis.hset('counts', key, Number((await redis.hget('counts', key)) ?? 0) + by)
  },
}

describe.skipIf(reason)('a Redis target keeps every promise of a target, through kill -9 of its server', () => {
  targetConformance({ test, open: () => opened(counting) })
})

describe.skipIf(reason)('so it does when handlers read what they change', () => {
  targetConformance({ test, open: () => opened(countingByReads) })
})

function opened(counting: OpenedTarget<RedisReadModel>['counting']): OpenedTarget<RedisReadModel> {
  const prefix = `suite-${++targets}`
  const open = (): RedisTarget => redisTarget({ url: server.url, prefix })
  return {
    target: open(),
    counting,
    traits: { severalProjections: false, concurrent: true },
    reopen: open,
    openBeside: open,
    afterCrash: async () => {
      await server.crash()
      return open()
    },
  }
}

const stockEvents = defineEvents({
  Received: event<{ sku: string; quantity: number }>(),
  Sold: event<{ sku: string; quantity: number }>(),
})

function stockIn(target: RedisTarget) {
  return defineProjection({
    name: 'stock',
    events: stockEvents,
    target,
    on: {
      Received: (redis, { data }) => {
        redis.hincrby('quantity', data.sku, data.quantity)
        redis.zincrby('by-quantity', data.quantity, data.sku)
      },
      Sold: async (redis, { data }) => {
        redis.hincrby('quantity', data.sku, -data.quantity)
        redis.zincrby('by-quantity', -data.quantity, data.sku)
        if (Number(await redis.hget('quantity', data.sku)) <= 0) redis.sadd('sold-out', data.sku)
      },
    },
  })
}

describe.skipIf(reason)('a projection into Redis', () => {
  it('goes on where it was after each kill of the server, and counts nothing twice', async () => {
    await using store = openStore({ engine: memory() })
    await using target = fresh()
    await using running = project(store, stockIn(target))
    let cups = 0
    for (let round = 1; round <= 5; round++) {
      const received = Array.from({ length: 300 }, () => ({ type: 'Received', data: { sku: 'tea', quantity: round } }))
      cups += 300 * round
      const appending = store.append('Stock-1', received)
      if (round > 1) await server.crash()
      await running.waitFor((await appending).position)
      deepEqual(await target.readModel.hgetall('quantity'), new Map([['tea', String(cups)]]))
    }
  })

  it('is run in partitions by several instances, rebuilt under the eyes of readers and found to be right', async () => {
    await using store = openStore({ engine: memory() })
    await using target = fresh()
    const stock = { ...stockIn(target), partitions: 4 }
    const options = { leaseMs: 400 }
    await using first = runProjections(store, [stock], options)
    await using second = runProjections(store, [stock], options)
    const events = (sku: string) =>
      Array.from({ length: 100 }, () => ({ type: 'Received', data: { sku, quantity: 1 } }))
    for (let stream = 0; stream < 8; stream++) await store.append(`Stock-${stream}`, events(`tea-${stream % 3}`))
    await first.waitFor('stock', await store.head())
    const wanted = new Map([
      ['tea-0', '300'],
      ['tea-1', '300'],
      ['tea-2', '200'],
    ])
    deepEqual(new Map([...(await target.readModel.hgetall('quantity'))].toSorted()), wanted)
    await rebuildProjection(store, 'stock')
    await expect.poll(() => target.generations.published('stock'), { timeout: 20_000 }).toBe(2)
    await second.waitFor('stock', await store.head())
    equal((await verifyProjection(store, stock)).differences, 0)
    deepEqual(new Map([...(await target.readModel.hgetall('quantity'))].toSorted()), wanted)
  })

  it('shows its generations by sorted sets, sets and hashes alike', async () => {
    await using store = openStore({ engine: memory() })
    await store.append('Stock-1', [
      { type: 'Received', data: { sku: 'tea', quantity: 3 } },
      { type: 'Received', data: { sku: 'mug', quantity: 5 } },
      { type: 'Sold', data: { sku: 'tea', quantity: 3 } },
    ])
    await using target = fresh()
    await rebuild(store, stockIn(target))
    const { readModel } = target
    deepEqual(await readModel.zrange('by-quantity', { reverse: true, to: 0 }), [{ member: 'mug', score: 5 }])
    deepEqual(await readModel.smembers('sold-out'), new Set(['tea']))
    deepEqual(
      await readModel.hgetall('quantity'),
      new Map([
        ['tea', '0'],
        ['mug', '5'],
      ]),
    )
  })
})
