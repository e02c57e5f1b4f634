import { equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { type RedisServer, startRedis, whyNoRedis } from '../../../../../test/redis/redis-server.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { type RedisTarget, redisTarget } from './index.ts'

const reason = sayWhy(whyNoRedis())
let server: RedisServer

beforeAll(async () => {
  if (reason === undefined) server = await startRedis()
})
afterAll(() => server?.stop())

/** A way to the server on which the next answer is replaced, once per entry. */
async function garbling(port: number) {
  const waiting: string[] = []
  let connections = 0
  const sockets = new Set<Socket>()
  const listening = createServer((client) => {
    connections++
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined))
    client.pipe(upstream)
    upstream.on('data', (chunk) => void client.write(waiting.shift() ?? chunk))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  return {
    url: `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    answer: (...texts: readonly string[]) => waiting.push(...texts),
    connections: () => connections,
    [Symbol.dispose]: () => {
      listening.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

let prefixes = 0
const targetAt = (url: string): RedisTarget => redisTarget({ url, prefix: `garbled-${++prefixes}` })

const add = (target: RedisTarget): Promise<void> =>
  target.write({
    ...{ projection: 'stock', expected: 'any', next: firstCheckpoint(1), empty: false },
    apply: (redis) => redis.hincrby('cups', 'tea', 1),
  })

const mayBeTriedAgain = { code: 'TARGET_UNAVAILABLE', retryable: true }

describe.skipIf(reason)('an answer that is none', () => {
  it.each([
    ['bytes that are no protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['a list of which a part is no protocol', '*2\r\n:1\r\nxyz\r\n'],
    ['a number for a list', ':1\r\n'],
    ['a list of another length', '*3\r\n:1\r\n:2\r\n:3\r\n'],
    ['a list for a text', '*2\r\n:1\r\n*1\r\n$1\r\na\r\n'],
    ['one answer too many', '*2\r\n:1\r\n$-1\r\n:7\r\n'],
  ])('fails what waits for it, and the next call has another connection: %s', async (_, garbage) => {
    using way = await garbling(server.port)
    await using target = targetAt(way.url)
    await add(target)
    equal(await target.readModel.hget('cups', 'tea'), '1')
    const before = way.connections()
    way.answer(garbage)
    const reads = [target.readModel.hget('cups', 'tea'), target.readModel.hget('cups', 'mug')]
    const failed = (await Promise.allSettled(reads)).filter(({ status }) => status === 'rejected')
    for (const each of failed) await rejects(Promise.reject((each as PromiseRejectedResult).reason), mayBeTriedAgain)
    equal(failed.length > 0, true)
    equal(await target.readModel.hget('cups', 'tea'), '1')
    equal(way.connections(), before + 1)
  })

  it('to a write is asked for again over another connection, and the write counts once', async () => {
    using way = await garbling(server.port)
    await using target = targetAt(way.url)
    await add(target)
    way.answer('garbage\r\n')
    await add(target)
    way.answer(':1\r\n')
    await add(target)
    equal(await target.readModel.hget('cups', 'tea'), '3')
  })

  it('to the greeting is refused at once, and the next call greets anew', async () => {
    using way = await garbling(server.port)
    await using target = targetAt(way.url)
    way.answer('garbage\r\n')
    const askedMs = performance.now()
    await rejects(target.readModel.get('a'), mayBeTriedAgain)
    equal(performance.now() - askedMs < 3_000, true)
    equal(await target.readModel.get('a'), undefined)
  })
})
