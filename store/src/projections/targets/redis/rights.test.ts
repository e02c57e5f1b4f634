import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createClient } from 'redis'
import { it, onTestFinished } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { firstCheckpoint, type Target } from '../../../model/target.ts'
import { type RedisReadModel, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())

async function write(
  target: Target<RedisReadModel>,
  apply: (redis: RedisReadModel) => unknown,
  empty = false,
): Promise<void> {
  const expected = await target.checkpoint('stock')
  const next = { ...firstCheckpoint(1), position: (expected?.position ?? 0) + 1 }
  await target.write({ projection: 'stock', expected, next, empty, apply })
}

async function readAll(redis: RedisReadModel): Promise<void> {
  await Promise.all([redis.get('s'), redis.hget('h', 'f'), redis.hgetall('h'), redis.smembers('e')])
  await Promise.all([
    redis.sismember('e', 'm'),
    redis.zscore('z', 'm'),
    redis.zrange('z'),
    redis.zrange('z', { reverse: true }),
  ])
}

it.skipIf(reason)('a Redis target needs no more rights than the guide lists', async () => {
  const guide = readFileSync(new URL('../../../../../docs/guides/redis-elasticsearch.md', import.meta.url), 'utf8')
  const rights = (/\*\*Rights:\*\* `([^`]+)`/.exec(guide)?.[1] ?? '').split(/\s+/)
  const server = await startRedis()
  onTestFinished(server.stop)
  const admin = await createClient({ url: server.url }).connect()
  await admin.sendCommand(['ACL', 'SETUSER', 'plain', 'reset', 'on', '>secret', '~{plain}:*', ...rights])
  admin.destroy()
  await using target = redisTarget({ prefix: 'plain', url: server.url.replace('//', '//plain:secret@') })
  const build = await target.generations.open({ projection: 'stock', generation: 1 })
  await write(build, async (redis) => {
    await readAll(redis)
    for (const at of [1, 2]) {
      redis.set(`s${at}`, 1)
      redis.hset('h', `f${at}`, 1)
      redis.sadd('e', `m${at}`)
      redis.zadd('z', 1, `m${at}`)
    }
  })
  await write(build, (redis) => {
    redis.incrby('s1', 1)
    redis.del('s2')
    redis.hincrby('h', 'f1', 1)
    redis.hdel('h', 'f2')
    redis.srem('e', 'm2')
    redis.zincrby('z', 1, 'm1')
    redis.zrem('z', 'm2')
  })
  await target.generations.publish({ projection: 'stock', generation: 1 })
  await readAll(target.readModel)
  let entries = 0
  for await (const _ of target.generations.entries({ projection: 'stock', generation: 1 })) entries++
  equal(entries, 4)
  await write(build, () => undefined, true)
  await target.generations.open({ projection: 'stock', generation: 2 })
  await target.generations.drop({ projection: 'stock', generation: 2 })
})
