import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startCuttingProxy } from '../../../../../test/postgres/cutting-proxy.ts'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import type { Clock } from '../../../engine/clock.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { type RedisReadModel, type RedisTarget, type RedisTargetOptions, redisTarget } from './index.ts'
import { writeScript } from './scripts.ts'

const reason = sayWhy(whyNoRedis())
let server: RedisServer
let admin: ReturnType<typeof createClient>
let targets = 0
const opened: RedisTarget[] = []

beforeAll(async () => {
  if (reason !== undefined) return
  server = await startRedis()
  admin = createClient({ url: server.url })
  await admin.connect()
})
afterEach(async () => {
  for (const target of opened.splice(0)) await target.close()
})
afterAll(async () => {
  admin?.destroy()
  await server?.stop()
})

/** Pauses take no time, but the longest ones, which a test would not see the end of. */
const impatient: Clock = {
  now: () => 0,
  sleep: (ms, signal) =>
    ms < 5_000
      ? new Promise((resolve) => setImmediate(resolve))
      : new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}

function open(options: Partial<RedisTargetOptions> = {}): RedisTarget {
  const place = options.client === undefined ? { url: server.url } : {}
  const target = redisTarget({ prefix: `server-${++targets}`, ...place, ...options })
  opened.push(target)
  return target
}

/** Writes the batch after the one before. */
async function write(target: RedisTarget, apply: (redis: RedisReadModel) => unknown): Promise<void> {
  const found = await target.checkpoint('stock')
  const next = { ...firstCheckpoint(1), position: (found?.position ?? 0) + 1 }
  await target.write({ projection: 'stock', expected: found, next, empty: false, apply })
}

const add = (redis: RedisReadModel): void => redis.hincrby('cups', 'tea', 1)

async function empty(target: RedisTarget): Promise<void> {
  const expected = await target.checkpoint('stock')
  await target.write({ projection: 'stock', expected, next: firstCheckpoint(1), empty: true, apply: () => undefined })
}

const keys = (): Promise<string[]> => admin.keys('*')

describe.skipIf(reason)('a write whose connection breaks', () => {
  it.each(['request-lost', 'sent', 'answer-lost'] as const)('counts once: %s', async (cut) => {
    const proxy = await startCuttingProxy(server, () => true)
    const target = open({ url: proxy.through(server) })
    await write(target, add)
    proxy.cutOn(writeScript.digest, [cut, cut])
    await write(target, add)
    await write(target, add)
    deepEqual([await target.readModel.hget('cups', 'tea'), proxy.cuts()], ['3', 2])
    equal((await target.checkpoint('stock'))?.position, 3)
    await target.close()
    await proxy.close()
  })

  it('is refused for good when somebody else has written meanwhile', async () => {
    const proxy = await startCuttingProxy(server, () => true)
    const [target, other] = [open({ prefix: 'meanwhile', url: proxy.through(server) }), open({ prefix: 'meanwhile' })]
    await write(target, add)
    proxy.cutOn(writeScript.digest, ['request-lost'])
    const late = write(target, async (redis) => {
      add(redis)
      await write(other, add)
    })
    await rejects(late, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'stock' })
    equal(await other.readModel.hget('cups', 'tea'), '2')
    await target.close()
    await proxy.close()
  })
})

describe.skipIf(reason)('a server that is away', () => {
  it('is said to be, and written to again when it is back', async () => {
    const own = await startRedis()
    const target = open({ url: own.url, clock: impatient })
    await write(target, add)
    const found = await target.checkpoint('stock')
    await own.kill()
    const next = { ...firstCheckpoint(1), position: 2 }
    const late = target.write({ projection: 'stock', expected: found, next, empty: false, apply: add })
    await rejects(late, { code: 'TARGET_UNAVAILABLE', retryable: true, target: 'redis' })
    await rejects(target.readModel.get('k'), { code: 'TARGET_UNAVAILABLE' })
    await own.start()
    await expect.poll(() => target.checkpoint('stock').catch(() => undefined)).toEqual(found)
    await target.write({ projection: 'stock', expected: found, next, empty: false, apply: add })
    equal(await target.readModel.hget('cups', 'tea'), '2')
    await target.close()
    await own.stop()
  })

  it('is said to be when it was never there, and found when it has come', async () => {
    const own = await startRedis()
    await own.kill()
    const target = open({
      url: own.url,
      clock: { ...impatient, sleep: () => new Promise((resolve) => setTimeout(resolve, 50)) },
    })
    await rejects(target.checkpoint('stock'), { code: 'TARGET_UNAVAILABLE' })
    await own.start()
    await expect.poll(() => target.checkpoint('stock').catch(() => 'away')).toBe(undefined)
    await target.close()
    await own.stop()
  })
})

describe.skipIf(reason)('what Redis refuses leaves nothing of a batch', () => {
  it('for want of a right in the middle of it', async () => {
    await admin.sendCommand(['ACL', 'SETUSER', 'shy', 'on', '>secret', '~*', '+@all', '-zadd'])
    const url = server.url.replace('//', '//shy:secret@')
    const target = open({ url })
    await write(target, add)
    const late = write(target, (redis) => {
      add(redis)
      redis.zadd('z', 1, 'm')
    })
    await rejects(late, { code: 'TARGET_FAILED', message: /may not ZADD on key "z"/ })
    equal(await target.readModel.hget('cups', 'tea'), '1')
  })

  it('for want of memory', async () => {
    const own = await startRedis({ settings: ['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction'] })
    const target = open({ url: own.url })
    const full = async (): Promise<void> => {
      for (let at = 1; at <= 64; at++)
        await write(target, (redis) => redis.hset('large', String(at), 'x'.repeat(100_000)))
    }
    await rejects(full(), { code: 'TARGET_FAILED', message: /OOM/ })
    const { position = 0 } = (await target.checkpoint('stock')) ?? {}
    equal((await target.readModel.hgetall('large')).size, position)
    await target.close()
    await own.stop()
  })

  it('where it would drop keys of the read model by itself', async () => {
    const own = await startRedis({ settings: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
    const target = open({ url: own.url })
    await rejects(write(target, add), { code: 'TARGET_FAILED', message: /allkeys-lru.*noeviction/ })
    equal(await target.checkpoint('stock'), undefined)
    await target.close()
    await own.stop()
  })

  it('for want of a password, and says what to do', async () => {
    const own = await startRedis({ settings: ['--requirepass', 'secret'] })
    const client = new Redis(own.port, { lazyConnect: true })
    client.on('error', () => undefined)
    await rejects(open({ client }).checkpoint('stock'), { code: 'TARGET_FAILED', message: /NOAUTH.*password/ })
    client.disconnect()
    await own.stop()
  })
})

describe.skipIf(reason)('keys of a target', () => {
  it('are all gone when a generation is dropped, and nobody else loses any', async () => {
    const target = open()
    await write(target, add)
    await target.generations.open({ projection: 'stock', generation: 2 })
    const before = (await keys()).toSorted()
    const build = (await target.generations.open({ projection: 'stock', generation: 1 })) as RedisTarget
    for (let batch = 0; batch < 3; batch++) {
      await write(build, (redis) => {
        for (let at = 0; at < 1_000; at++) redis.set(`order-${batch}-${at}`, at)
      })
    }
    equal((await keys()).length, before.length + 3_001)
    await target.generations.drop({ projection: 'stock', generation: 1 })
    deepEqual((await keys()).toSorted(), before)
  })

  it('of the life before are swept away when a read model begins anew', async () => {
    const target = open()
    await write(target, (redis) => {
      for (let at = 0; at < 2_500; at++) redis.set(`order-${at}`, at)
    })
    const before = (await keys()).length
    await empty(target)
    equal(await target.readModel.get('order-1'), undefined)
    equal((await keys()).length, before - 2_500)
  })

  it('of the life before are neither read nor written by a process that does not know of the new one', async () => {
    const [target, other] = [open({ prefix: 'lives' }), open({ prefix: 'lives' })]
    await write(target, add)
    await empty(other)
    await write(target, add)
    equal(await other.readModel.hget('cups', 'tea'), '1')
    const next = { ...firstCheckpoint(1), position: 9 }
    const apply = async (redis: RedisReadModel): Promise<void> => {
      const cups = await redis.hget('cups', 'tea')
      await empty(other)
      redis.set('cups before', cups ?? 'none')
    }
    const late = target.write({ projection: 'stock', expected: 'any', next, empty: false, apply })
    await rejects(late, { code: 'CHECKPOINT_CONFLICT' })
    equal(await target.readModel.get('cups before'), undefined)
  })

  it('are swept by the next write when a sweep was cut off', async () => {
    const proxy = await startCuttingProxy(server, () => true)
    const target = open({ url: proxy.through(server), clock: impatient })
    await write(target, (redis) => {
      for (let at = 0; at < 2_500; at++) redis.set(`order-${at}`, at)
    })
    const before = (await keys()).length
    // Each script is told how many keys to look at.
    proxy.cutOn('1000', Array(6).fill('request-lost'))
    await empty(target)
    proxy.cutOn('1000', [])
    equal((await keys()).length, before)
    await expect.poll(() => target.checkpoint('stock').catch(() => 'away')).toEqual(firstCheckpoint(1))
    await write(target, add)
    equal((await keys()).length, before - 2_500 + 1)
    await target.close()
    await proxy.close()
  })

  it('with signs of a pattern in their prefix leave those alone that the pattern would mean', async () => {
    const [target, other] = [open({ prefix: 'a[b]*?\\^-' }), open({ prefix: 'a[b]xx\\^-' })]
    await write(other, add)
    await write(target, (redis) => redis.set('order-1', 1))
    await empty(target)
    await target.generations.open({ projection: 'stock', generation: 1 })
    await target.generations.drop({ projection: 'stock', generation: 1 })
    equal(await other.readModel.hget('cups', 'tea'), '1')
    equal(await target.readModel.get('order-1'), undefined)
    equal((await keys()).filter((key) => key.startsWith('{a[b]*') && key.endsWith('order-1')).length, 0)
  })

  it('belong to one projection', async () => {
    const target = open()
    await empty(target)
    const next = firstCheckpoint(1)
    const other = target.write({ projection: 'orders', expected: undefined, next, empty: true, apply: () => undefined })
    await rejects(other, { code: 'INVALID_ARGUMENT', argument: 'target', message: /"stock".*"orders"/ })
    await rejects(target.generations.open({ projection: 'orders', generation: 1 }), { code: 'INVALID_ARGUMENT' })
    await target.generations.drop({ projection: 'orders', generation: 1 })
    equal(await target.generations.published('orders'), undefined)
  })
})

describe('options of a Redis target', () => {
  it.each([
    ['prefix', { prefix: '', url: 'redis://127.0.0.1' }],
    ['prefix', { prefix: 'a{b}', url: 'redis://127.0.0.1' }],
    ['client', { prefix: 'a' }],
    ['client', { prefix: 'a', client: {} as never }],
    ['client', { prefix: 'a', client: null as never }],
    ['url', { prefix: 'a', url: 'http://127.0.0.1' }],
  ])('are refused with a wrong %s', (argument, options) => {
    throws(() => redisTarget(options), { code: 'INVALID_ARGUMENT', argument })
  })
})
