import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createClient } from 'redis'
import { afterEach, describe, it } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { isVarveError } from '../../../model/errors.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { type RedisTarget, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
const servers: RedisServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function started(...settings: string[]): Promise<RedisServer> {
  const server = await startRedis({ settings })
  servers.push(server)
  return server
}

const add = (target: RedisTarget): Promise<void> =>
  target.write({
    ...{ projection: 'stock', expected: 'any', next: firstCheckpoint(1), empty: false },
    apply: (redis) => redis.hincrby('cups', 'tea', 1),
  })

/** Leads each new connection to the port it is told; those that are held hear nothing any more. */
async function signpost(port: number) {
  const pairs: (readonly [client: Socket, upstream: Socket])[] = []
  /** Resolves when one of them has asked in vain. */
  const hold = (): Promise<unknown> => {
    for (const [, upstream] of pairs) upstream.unpipe().resume()
    return Promise.race(pairs.map(([client]) => once(client, 'data')))
  }
  const place = { port, url: '', hold, close: () => undefined as unknown }
  const server = createServer((client) => {
    const upstream = connect(place.port, '127.0.0.1')
    pairs.push([client, upstream])
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
    client.on('close', () => upstream.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  place.url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  place.close = () => server.close()
  return place
}

describe.skipIf(reason)('the URL of a Redis target', () => {
  it.each([
    ['without the password', '', 'TARGET_FAILED', /NOAUTH.*password/],
    ['with a wrong password', ':wrong@', 'TARGET_FAILED', /WRONGPASS.*Give the right/],
  ])('that is %s is refused at once', async (_, login, code, message) => {
    const { url } = await started('--requirepass', 'secret')
    const target = redisTarget({ url: url.replace('//', `//${login}`), prefix: 'stock' })
    await rejects(target.checkpoint('stock'), { code, message })
    await target.close()
  })

  it('that names no number for a database is refused without telling its password', async () => {
    const target = redisTarget({ url: 'redis://:secret@127.0.0.1/stock', prefix: 'stock' })
    await rejects(target.checkpoint('stock'), (error) => {
      deepEqual([isVarveError(error, 'INVALID_ARGUMENT'), /secret/.test(String(error))], [true, false])
      return true
    })
    await target.close()
  })

  it('is followed to the new primary when the old one has become a replica', async () => {
    const [old, young] = await Promise.all([started('--repl-diskless-sync-delay', '0'), started()])
    const [oldAdmin, youngAdmin] = await Promise.all([old, young].map(({ url }) => createClient({ url }).connect()))
    const sign = await signpost(old.port)
    const target = redisTarget({ url: sign.url, prefix: 'stock' })
    await add(target)
    await youngAdmin?.sendCommand(['REPLICAOF', '127.0.0.1', String(old.port)])
    while (!String(await youngAdmin?.sendCommand(['INFO', 'replication'])).includes('master_link_status:up'));
    await youngAdmin?.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await oldAdmin?.sendCommand(['REPLICAOF', '127.0.0.1', String(young.port)])
    sign.port = young.port
    await add(target)
    equal(await target.readModel.hget('cups', 'tea'), '2')
    await target.close()
    sign.close()
    oldAdmin?.destroy()
    youngAdmin?.destroy()
  })

  it('is gone to anew when no answer has come for half a minute, however much is sent', async () => {
    const { port } = await started()
    const sign = await signpost(port)
    let nowMs = 0
    const sleep = (_: number, signal?: AbortSignal): Promise<void> =>
      new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))
    const clock = { now: () => nowMs, sleep, turn: async () => undefined }
    const target = redisTarget({ url: sign.url, prefix: 'stock', clock })
    await add(target)
    const isAsked = sign.hold()
    const unheard = rejects(target.readModel.get('a'), { code: 'TARGET_UNAVAILABLE' })
    await isAsked
    nowMs += 30_001
    equal(await target.readModel.hget('cups', 'tea'), '1')
    await unheard
    await target.close()
    sign.close()
  })

  it('of a server that is set up to drop keys later on is refused from then on', async () => {
    const { url } = await started()
    const target = redisTarget({ url, prefix: 'stock' })
    await add(target)
    const admin = await createClient({ url }).connect()
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '100mb'])
    await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu'])
    await rejects(add(target), { code: 'TARGET_FAILED', message: /allkeys-lfu.*noeviction/ })
    equal(await target.readModel.hget('cups', 'tea'), '1')
    await target.close()
    admin.destroy()
  })
})
