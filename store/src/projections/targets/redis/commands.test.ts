import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { createClient, type RedisClientType } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { limits } from '../../../model/limits.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { type RedisReadModel, type RedisTarget, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
let server: RedisServer
let client: RedisClientType
let targets = 0

beforeAll(async () => {
  if (reason !== undefined) return
  server = await startRedis()
  client = createClient({ url: server.url, RESP: 2 }) as unknown as RedisClientType
  await client.connect()
})
afterAll(async () => {
  client?.destroy()
  await server?.stop()
})

interface Scene {
  readonly target: RedisTarget
  readonly prefix: string
  /** Writes one batch. */
  readonly batch: (apply: (redis: RedisReadModel) => unknown) => Promise<void>
}

function scene(): Scene {
  const prefix = `commands-${++targets}`
  const target = redisTarget({ client, prefix })
  let position = 0
  const batch = (apply: (redis: RedisReadModel) => unknown): Promise<void> => {
    const next = { ...firstCheckpoint(1), position: ++position }
    return target.write({ projection: 'stock', expected: 'any', next, empty: false, apply })
  }
  return { target, prefix, batch }
}

/** All keys of Redis, so that nothing hides. */
async function keysUnder(prefix: string): Promise<readonly string[]> {
  return (await client.keys(`{${prefix}}*`)).toSorted()
}

type Command = readonly [
  name: 'set' | 'incrby' | 'del' | 'hset' | 'hincrby' | 'hdel' | 'sadd' | 'srem' | 'zadd' | 'zincrby' | 'zrem',
  ...args: (string | number)[],
]

/** Numbers below a bound that a seed gives, the same each time. */
function dice(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

/** A command of the right kind for one of a few keys and members. */
function randomCommand(roll: (bound: number) => number): Command {
  const member = `m${roll(3)}`
  const by = roll(9) - 4
  const commands: readonly Command[] = [
    ['set', `s${roll(2)}`, by],
    ['incrby', `s${roll(2)}`, by],
    ['del', ['s0', 'h0', 'e0', 'z0'][roll(4)] ?? 's0'],
    ['hset', `h${roll(2)}`, member, by],
    ['hincrby', `h${roll(2)}`, member, by],
    ['hincrby', `h${roll(2)}`, member, by],
    ['hdel', `h${roll(2)}`, member],
    ['sadd', `e${roll(2)}`, member],
    ['srem', `e${roll(2)}`, member],
    ['zadd', `z${roll(2)}`, by, member],
    ['zincrby', `z${roll(2)}`, by, member],
    ['zrem', `z${roll(2)}`, member],
  ]
  return commands[roll(commands.length)] ?? ['sadd', 'e0', 'm0']
}

/** All that there is to see, by a target's readers or by its handlers. */
async function seen(redis: RedisReadModel): Promise<unknown> {
  const all: unknown[] = []
  for (const at of [0, 1]) {
    all.push(
      await redis.get(`s${at}`),
      [...(await redis.hgetall(`h${at}`))].toSorted(),
      [...(await redis.smembers(`e${at}`))].toSorted(),
    )
    all.push(await redis.zrange(`z${at}`), await redis.zrange(`z${at}`, { from: -2, to: 5, reverse: true }))
    for (const member of ['m0', 'm1', 'm2']) {
      all.push(
        await redis.hget(`h${at}`, member),
        await redis.sismember(`e${at}`, member),
        await redis.zscore(`z${at}`, member),
      )
    }
  }
  return all
}

describe.skipIf(reason)('the commands of a Redis target', () => {
  const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 32))

  it(`come to what Redis makes of them one by one, seen by handlers and by readers (seed ${seed})`, async () => {
    const roll = dice(seed)
    const [batched, single] = [scene(), scene()]
    for (let batch = 0; batch < 40; batch++) {
      const commands = Array.from({ length: 1 + roll(25) }, () => randomCommand(roll))
      for (const [name, ...args] of commands)
        await single.batch((redis) => (redis[name] as (...args: unknown[]) => void)(...args))
      let within: unknown
      await batched.batch(async (redis) => {
        for (const [name, ...args] of commands) (redis[name] as (...args: unknown[]) => void)(...args)
        within = await seen(redis)
      })
      const wanted = await seen(single.target.readModel)
      deepEqual(within, wanted, JSON.stringify(commands))
      deepEqual(await seen(batched.target.readModel), wanted, JSON.stringify(commands))
    }
  })

  it('are those of Redis', async () => {
    const { target, batch } = scene()
    const commands: readonly Command[] = [
      ['set', 's', 5],
      ['incrby', 's', -7],
      ['hset', 'h', 'f', 'x'],
      ['hincrby', 'h', 'n', 3],
      ['sadd', 'e', 'a'],
      ['zadd', 'z', 1.5, 'b'],
      ['zincrby', 'z', 2, 'b'],
      ['zadd', 'z', 3.5, 'a'],
    ]
    for (const [name, ...args] of commands) await client.sendCommand([name.toUpperCase(), ...args.map(String)])
    await batch((redis) => {
      for (const [name, ...args] of commands) (redis[name] as (...args: unknown[]) => void)(...args)
    })
    const name = await target.keyName('z')
    deepEqual(
      await client.sendCommand(['ZRANGE', name, '0', '-1', 'WITHSCORES']),
      await client.sendCommand(['ZRANGE', 'z', '0', '-1', 'WITHSCORES']),
    )
    for (const key of ['s', 'h', 'e', 'z']) {
      const [own, plain] = await Promise.all([
        client.sendCommand(['DUMP', await target.keyName(key)]),
        client.sendCommand(['DUMP', key]),
      ])
      deepEqual(own, plain)
    }
  })

  it.each([
    ['a hash is written to that is a string', 'TARGET_FAILED', (redis: RedisReadModel) => redis.hset('name', 'f', 1)],
    ['a set is written to that is a string', 'TARGET_FAILED', (redis: RedisReadModel) => redis.sadd('name', 'f')],
    ['a word is added to', 'TARGET_FAILED', (redis: RedisReadModel) => redis.incrby('name', 1)],
    ['a field that is a word is added to', 'TARGET_FAILED', (redis: RedisReadModel) => redis.hincrby('h', 'word', 1)],
    ['a field of 19 digits is added to', 'TARGET_FAILED', (redis: RedisReadModel) => redis.hincrby('h', 'large', 1)],
    [
      'a field that begins with 0 is added to',
      'TARGET_FAILED',
      (redis: RedisReadModel) => redis.hincrby('h', 'zeros', 1),
    ],
    ['a score would be infinite', 'TARGET_FAILED', (redis: RedisReadModel) => redis.zincrby('scores', 1e308, 'm')],
  ])('leave nothing of a batch when %s', async (_, code, wrong) => {
    const { target, prefix, batch } = scene()
    await batch((redis) => {
      redis.set('name', 'tea')
      redis.hset('h', 'word', 'tea')
      redis.hset('h', 'large', '1000000000000000000')
      redis.hset('h', 'zeros', '007')
      redis.zadd('scores', 1e308, 'm')
    })
    const keys = await keysUnder(prefix)
    const late = batch((redis) => {
      redis.set('other', 1)
      redis.zadd('z', 1, 'm')
      wrong(redis)
    })
    await rejects(late, { code, message: /Nothing was written/ })
    deepEqual(await keysUnder(prefix), keys)
    equal((await target.checkpoint('stock'))?.position, 1)
  })

  it('add up to sums of 18 digits exactly, and refuse longer ones', async () => {
    const { target, batch } = scene()
    await batch((redis) => redis.set('sum', '999999999999999998'))
    await batch((redis) => redis.incrby('sum', 1))
    equal(await target.readModel.get('sum'), '999999999999999999')
    await batch((redis) => redis.incrby('sum', 1))
    equal(await target.readModel.get('sum'), '1000000000000000000')
    await rejects(
      batch((redis) => redis.incrby('sum', 1)),
      { code: 'TARGET_FAILED' },
    )
  })

  it('refuse two kinds of one key in one batch, for changes and for reads', async () => {
    const { batch } = scene()
    await rejects(
      batch((redis) => {
        redis.hset('k', 'f', 1)
        redis.sadd('k', 'm')
      }),
      { code: 'INVALID_ARGUMENT', message: /holds a hash in this batch/ },
    )
    await rejects(
      batch(async (redis) => {
        redis.hset('k', 'f', 1)
        await redis.smembers('k')
      }),
      { code: 'INVALID_ARGUMENT' },
    )
    await batch((redis) => {
      redis.hset('k', 'f', 1)
      redis.del('k')
      redis.sadd('k', 'm')
    })
  })

  it.each([
    ['key', (redis: RedisReadModel) => redis.set('', 1)],
    ['key', (redis: RedisReadModel) => redis.set('a\0b', 1)],
    ['key', (redis: RedisReadModel) => redis.hget('\ud800', 'f')],
    ['field', (redis: RedisReadModel) => redis.hset('k', 7 as never, 1)],
    ['value', (redis: RedisReadModel) => redis.set('k', Number.NaN)],
    ['value', (redis: RedisReadModel) => redis.hset('k', 'f', undefined as never)],
    ['by', (redis: RedisReadModel) => redis.incrby('k', 0.5)],
    ['by', (redis: RedisReadModel) => redis.hincrby('k', 'f', 2 ** 53)],
    ['score', (redis: RedisReadModel) => redis.zadd('k', Number.POSITIVE_INFINITY, 'm')],
    ['member', (redis: RedisReadModel) => redis.sadd('k', null as never)],
    [
      'value',
      (redis: RedisReadModel) => {
        redis.hset('k', 'f', '007')
        redis.hincrby('k', 'f', 1)
      },
    ],
    [
      'by',
      (redis: RedisReadModel) => {
        redis.zincrby('k', -1e308, 'm')
        redis.zincrby('k', -1e308, 'm')
      },
    ],
    ['from', (redis: RedisReadModel) => redis.zrange('k', { from: 0.5 })],
  ])('refuse a wrong %s', async (argument, wrong) => {
    const { prefix, batch } = scene()
    await rejects(batch(wrong), { code: 'INVALID_ARGUMENT', argument })
    deepEqual(await keysUnder(prefix), [])
  })

  it('are bounded in one batch', async () => {
    const { prefix, batch } = scene()
    const many = batch((redis) => {
      for (let at = 0; at <= limits.targetBatchChanges; at++) redis.hset('k', String(at), 1)
    })
    await rejects(many, { code: 'LIMIT_EXCEEDED', limit: 'targetBatchChanges' })
    deepEqual(await keysUnder(prefix), [])
  })

  it('take as many changes as the bound allows at once', { timeout: 120_000 }, async () => {
    const { target, batch } = scene()
    await batch((redis) => {
      for (let at = 0; at < limits.targetBatchChanges; at++) redis.hincrby(`k${at % 1_000}`, String(at), 1)
    })
    equal((await target.readModel.hgetall('k7')).size, 100)
  })

  it('are for handlers while they run: readers are refused, and who comes too late', async () => {
    const { target, batch } = scene()
    throws(() => target.readModel.set('k', 1), { code: 'INVALID_ARGUMENT', argument: 'readModel' })
    let kept: RedisReadModel | undefined
    await batch((redis) => {
      kept = redis
    })
    throws(() => kept?.set('k', 1), { code: 'INVALID_ARGUMENT', message: /which is over/ })
  })
})
