import { deepEqual, equal } from 'node:assert/strict'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { freePort } from '../../../../../test/postgres/kept-server.ts'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, startSentinel, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { firstCheckpoint, type TargetEntry } from '../../../model/target.ts'
import { type RedisClientLike, type RedisReadModel, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
let server: RedisServer
/** One node that is a cluster: it refuses what does not lie in one slot, and whatever it is asked beside a key. */
let cluster: RedisServer
/** Watches the one server. */
let sentinel: RedisServer

beforeAll(async () => {
  if (reason !== undefined) return
  server = await startRedis()
  // Told none, it takes for the bus of the cluster the port that is 10,000 higher, and there may be no such port.
  const bus = ['--cluster-port', String(await freePort())]
  cluster = await startRedis({ settings: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', ...bus] })
  const admin = new Redis(cluster.port)
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  while (!String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  admin.disconnect()
  sentinel = await startSentinel(server)
})
afterAll(async () => {
  await server?.stop()
  await cluster?.stop()
  await sentinel?.stop()
})

interface Client {
  readonly client: RedisClientLike
  readonly end: () => unknown
}

const clients: Readonly<Record<string, () => Promise<Client>>> = {
  'createClient of redis': async () => {
    const client = await createClient({ url: server.url }).connect()
    return { client, end: () => client.close() }
  },
  'createClient of redis in the second version of the protocol': async () => {
    const client = await createClient({ url: server.url, RESP: 2, keyPrefix: 'own:' }).connect()
    return { client, end: () => client.close() }
  },
  'createClient of redis that is to give numbers and texts in other types': async () => {
    const client = await createClient({ url: server.url }).connect()
    const types = { [RESP_TYPES.NUMBER]: String, [RESP_TYPES.BLOB_STRING]: Buffer }
    return { client: client.withTypeMapping(types), end: () => client.close() }
  },
  'createSentinel of redis': async () => {
    const sentinelRootNodes = [{ host: '127.0.0.1', port: sentinel.port }]
    const client = createSentinel({ name: 'watched', sentinelRootNodes })
    await client.connect()
    return { client, end: () => client.close() }
  },
  'createClientPool of redis': async () => {
    const client = createClientPool({ url: server.url })
    await client.connect()
    return { client, end: () => client.close() }
  },
  'createCluster of redis': async () => {
    const client = createCluster({ rootNodes: [{ url: cluster.url }] })
    await client.connect()
    return { client, end: () => client.close() }
  },
  'Redis of ioredis': async () => {
    const client = new Redis(server.port)
    return { client, end: () => client.quit() }
  },
  'Redis of ioredis with a prefix of its own for keys': async () => {
    const client = new Redis(server.port, { keyPrefix: 'own:' })
    return { client, end: () => client.quit() }
  },
  'Redis of ioredis that is to give numbers as texts': async () => {
    const client = new Redis(server.port, { stringNumbers: true })
    return { client, end: () => client.quit() }
  },
  'Redis of ioredis behind sentinels': async () => {
    const client = new Redis({ name: 'watched', sentinels: [{ host: '127.0.0.1', port: sentinel.port }] })
    return { client, end: () => client.quit() }
  },
  'Cluster of ioredis': async () => {
    const client = new Cluster([{ host: '127.0.0.1', port: cluster.port }])
    return { client, end: () => client.quit() }
  },
}

describe.skipIf(reason)('a Redis target works through', () => {
  it.each(Object.entries(clients))('%s', async (name, connect) => {
    const { client, end } = await connect()
    const target = redisTarget({ client, prefix: name })
    const generation = { projection: 'stock', generation: 1 }
    const build = await target.generations.open(generation)
    const write = (position: number, empty: boolean, apply: (redis: RedisReadModel) => unknown) => {
      const next = { ...firstCheckpoint(1), position }
      return build.write({ projection: 'stock', expected: 'any', next, empty, apply })
    }
    await write(1, false, (redis) => redis.set('old', 'gone'))
    await write(0, true, (redis) => redis.hset('cups', 'täa', 4))
    await write(2, false, async (redis) => {
      redis.set('cups of tea', Number(await redis.hget('cups', 'täa')) + 1)
      redis.zadd('by cups', 1.5, 'täa')
    })
    await target.generations.publish(generation)
    const { readModel } = target
    equal(await readModel.get('cups of tea'), '5')
    deepEqual(await readModel.hgetall('cups'), new Map([['täa', '4']]))
    deepEqual(await readModel.zrange('by cups'), [{ member: 'täa', score: 1.5 }])
    const entries: TargetEntry[] = []
    for await (const entry of target.generations.entries(generation)) entries.push(entry)
    deepEqual(entries, [
      { key: 'by cups\0täa', value: '["zset","1.5"]' },
      { key: 'cups\0täa', value: '["hash","4"]' },
      { key: 'cups of tea', value: '["string","5"]' },
    ])
    equal((await target.generations.open(generation)).emptiesItself, true)
    await target.close()
    await end()
  })
})
