import { once } from 'node:events'
import { type AddressInfo, createServer, connect as openSocket } from 'node:net'
import { systemClock } from 'varve'
import { describe, expect, it } from 'vitest'
import { answerOf, frame, rawClient } from '../../../../test/kurrent/raw-client.ts'
import { openAccess } from '../../auth/access.ts'
import { failureOf } from '../failure.ts'
import type { Call } from './call.ts'
import { framed } from './frames.ts'
import { createGrpcServer, type EndedCall, type GrpcParts } from './grpc-server.ts'
import { type Methods, serverStream, unary } from './method.ts'
import { CallFailed } from './status.ts'

const text = { decode: (message: Buffer) => message.toString(), encode: (response: string) => Buffer.from(response) }

describe('a call', () => {
  it('has one answer to one message', async () => {
    await using server = await serving({ '/t/Upper': unary(text, (request) => request.toUpperCase()) })
    const answer = await server.client.call('/t/Upper', [Buffer.from('abc')])
    expect(answer).toMatchObject({ status: 0, message: '', responses: [Buffer.from('ABC')] })
  })

  it('is refused when it has no message, or two', async () => {
    await using server = await serving({ '/t/Upper': unary(text, (request) => request) })
    expect(await server.client.call('/t/Upper', [])).toMatchObject({ status: 3, responses: [] })
    expect(await server.client.call('/t/Upper', [Buffer.from('a'), Buffer.from('b')])).toMatchObject({ status: 3 })
  })

  it('has the same messages wherever the bytes are cut', async () => {
    await using server = await serving({ '/t/Echo': echo })
    const messages = ['', 'a', 'b'.repeat(300), 'c'.repeat(70_000)].map((one) => Buffer.from(one))
    const bytes = Buffer.concat(messages.map(frame))
    for (const cut of [1, 4, 5, 6, 7, 12, 313, 40_000]) {
      const stream = server.client.open('/t/Echo')
      const answer = answerOf(stream)
      stream.write(bytes.subarray(0, cut))
      await systemClock.turn()
      stream.end(bytes.subarray(cut))
      expect((await answer).responses).toEqual(messages)
    }
  })

  it('goes both ways for as long as both sides want', async () => {
    await using server = await serving({ '/t/Echo': echo })
    const stream = server.client.open('/t/Echo')
    for (const one of ['a', 'b', 'c']) {
      stream.write(frame(Buffer.from(one)))
      const [chunk] = await once(stream, 'data')
      expect(chunk.subarray(5).toString()).toBe(one)
    }
    const answer = answerOf(stream)
    stream.end()
    expect((await answer).status).toBe(0)
  })

  it('ends with the status, the message and the trailers of what failed, in ASCII', async () => {
    const fail = async (): Promise<never> => {
      throw new CallFailed('failedPrecondition', 'Strom „ü“ 100%\n', {
        'stream-name': 'Strom-ü',
        'x-bin': Buffer.from('ü'),
      })
    }
    await using server = await serving({ '/t/Fail': serverStream(text.decode, fail) })
    const { status, message, trailers } = await server.client.call('/t/Fail', [Buffer.from('a')])
    expect({ status, message }).toEqual({ status: 9, message: 'Strom „ü“ 100%\n' })
    expect(trailers).toMatchObject({ 'stream-name': 'Strom-%C3%BC', 'x-bin': 'w7w=' })
  })

  it('that fails before its first message is refused with its headers, where some clients make it', async () => {
    const fail = async (): Promise<never> => {
      throw new CallFailed('failedPrecondition', 'no', { exception: 'stream-deleted' })
    }
    await using server = await serving({ '/t/Fail': serverStream(text.decode, fail) })
    const stream = server.client.open('/t/Fail')
    stream.end(frame(Buffer.from('a')))
    const [headers] = await once(stream, 'response')
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '9', exception: 'stream-deleted' })
  })

  it('has its headers acknowledged at once, whenever its message comes', async () => {
    await using server = await serving({ '/t/Upper': serverStream(text.decode, async () => undefined) })
    await server.client.call('/t/Upper', [Buffer.from('a')])
    const room = (): number => server.client.session.state.remoteWindowSize ?? 0
    const before = room()
    const stream = server.client.open('/t/Upper')
    await expect.poll(room).toBe(before + 1)
    const answer = answerOf(stream)
    stream.end(frame(Buffer.from('a')))
    expect((await answer).status).toBe(0)
  })

  it('ends with UNKNOWN, and without the text of the error, when a handler breaks', async () => {
    const breaks = async (): Promise<never> => {
      throw new Error('secret')
    }
    await using server = await serving({ '/t/Fail': breaks })
    const answer = await server.client.call('/t/Fail', [])
    expect(answer.status).toBe(2)
    expect(answer.message).not.toContain('secret')
    expect(server.ended).toMatchObject([{ method: '/t/Fail', status: 'unknown', error: { message: 'secret' } }])
  })

  it('of an unknown method is UNIMPLEMENTED, also when the name is one that every object has', async () => {
    await using server = await serving({})
    for (const path of ['/t/Nothing', '/constructor', '/__proto__']) {
      expect((await server.client.call(path, [])).status).toBe(12)
    }
  })

  it('is over when its deadline passes, whatever the handler does', async () => {
    await using server = await serving({ '/t/Hang': () => new Promise(() => undefined) })
    const answer = await server.client.call('/t/Hang', [], { 'grpc-timeout': '20m' })
    expect(answer.status).toBe(4)
    expect((await server.client.call('/t/Hang', [], { 'grpc-timeout': 'soon' })).status).toBe(3)
  })

  it('tells its handler when the client has gone', async () => {
    const heard = Promise.withResolvers<unknown>()
    const wait = async (call: Call): Promise<void> => {
      call.signal.addEventListener('abort', () => heard.resolve(call.signal.reason))
      await call.send(framed(Buffer.from('begun')))
      await heard.promise
      call.signal.throwIfAborted()
    }
    await using server = await serving({ '/t/Wait': wait })
    const stream = server.client.open('/t/Wait')
    await once(stream, 'data')
    stream.close(8)
    expect(await heard.promise).toMatchObject({ status: 'cancelled' })
    await expect.poll(() => server.ended).toMatchObject([{ status: 'cancelled' }])
  })

  it('is answered although the client goes on sending', async () => {
    const early = async (): Promise<never> => {
      throw new CallFailed('permissionDenied', 'no')
    }
    await using server = await serving({ '/t/Early': early })
    const stream = server.client.open('/t/Early')
    const answer = answerOf(stream)
    stream.write(frame(Buffer.alloc(100_000)))
    expect((await answer).status).toBe(7)
  })

  it('over HTTP/2 without gRPC goes to whoever answers others', async () => {
    await using server = await serving({})
    const stream = server.client.session.request({ ':path': '/health/live' })
    const [headers] = await once(stream, 'response')
    expect(headers[':status']).toBe(421)
    stream.destroy()
  })
})

describe('the bounds of a call', () => {
  it('hold for one message', async () => {
    await using server = await serving({ '/t/Echo': echo }, { limits: { messageBytes: 100, assemblingBytes: 1e6 } })
    expect((await server.client.call('/t/Echo', [Buffer.alloc(100)])).status).toBe(0)
    const refused = await server.client.call('/t/Echo', [Buffer.alloc(101)])
    expect(refused).toMatchObject({ status: 8, message: expect.stringContaining('101') })
  })

  it('hold for the unfinished messages of a connection, and free what is finished', async () => {
    await using server = await serving({ '/t/Echo': echo }, { limits: { messageBytes: 1e6, assemblingBytes: 100_000 } })
    const unfinished = frame(Buffer.alloc(60_000)).subarray(0, 50_000)
    const first = server.client.open('/t/Echo')
    first.write(unfinished)
    await systemClock.turn()
    expect((await server.client.call('/t/Echo', [Buffer.alloc(99_000)])).status).toBe(8)
    first.end(Buffer.alloc(10_005))
    expect((await answerOf(first)).status).toBe(0)
    expect((await server.client.call('/t/Echo', [Buffer.alloc(90_000)])).status).toBe(0)
  })

  it('refuse what is compressed, has no known flag, or ends in the middle', async () => {
    await using server = await serving({ '/t/Echo': echo })
    const sent = async (bytes: Buffer) => {
      const stream = server.client.open('/t/Echo')
      stream.end(bytes)
      return (await answerOf(stream)).status
    }
    expect(await sent(Buffer.from([1, 0, 0, 0, 1, 0]))).toBe(12)
    expect(await sent(Buffer.from([7, 0, 0, 0, 1, 0]))).toBe(3)
    expect(await sent(Buffer.from([0, 0, 0, 0, 2, 0]))).toBe(3)
    expect(await sent(Buffer.from([0, 0]))).toBe(3)
  })

  it('make a sender wait for a client that does not read', async () => {
    const sent = { messages: 0, waiting: false }
    const flood = async (call: Call): Promise<void> => {
      for (; sent.messages < 10_000; sent.messages++) {
        const drained = call.send(framed(Buffer.alloc(65_536)))
        sent.waiting = drained !== undefined
        await drained
      }
    }
    await using server = await serving({ '/t/Flood': flood })
    const stream = server.client.open('/t/Flood')
    stream.pause()
    await expect.poll(() => sent.waiting).toBe(true)
    expect(sent.messages).toBeLessThan(200)
    stream.close(8)
    await expect.poll(() => server.ended).toMatchObject([{ status: 'cancelled' }])
  })
})

describe('a connection', () => {
  it('outlives a client that leaves thousands of calls', async () => {
    const wait = async (call: Call): Promise<void> => {
      await call.send(framed(Buffer.from('begun')))
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve))
    }
    await using server = await serving({ '/t/Wait': wait, '/t/Echo': echo })
    for (let round = 0; round < 20; round++) {
      const streams = Array.from({ length: 100 }, () => server.client.open('/t/Wait'))
      await Promise.all(streams.map((stream) => once(stream, 'data')))
      for (const stream of streams) stream.close(8)
    }
    expect((await server.client.call('/t/Echo', [Buffer.from('a')])).status).toBe(0)
    await expect.poll(() => server.ended.length).toBe(2_001)
  })

  it('is ended when the other side no longer answers', async () => {
    await using server = await serving({}, { heartbeatMs: 20 })
    const { port } = new URL(server.url)
    const mute = openSocket(Number(port), '127.0.0.1')
    // The preface and empty settings, and then never a word, not even to a ping.
    mute.write(
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]),
    )
    mute.resume()
    await once(mute, 'close')
  })

  it('stays while it answers, however quiet it is', async () => {
    await using server = await serving({ '/t/Echo': echo }, { heartbeatMs: 100 })
    let pings = 0
    server.client.session.on('ping', () => pings++)
    await expect.poll(() => pings).toBeGreaterThan(3)
    expect((await server.client.call('/t/Echo', [Buffer.from('a')])).status).toBe(0)
  })

  it('stays when its answer was there in time, and the server stood still instead of reading it', async () => {
    await using server = await serving({ '/t/Echo': echo }, { heartbeatMs: 100 })
    let pings = 0
    server.client.session.on('ping', () => {
      pings++
      // Client and server are one process: this stops both, right when the client is about to answer.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    })
    await expect.poll(() => pings).toBeGreaterThan(2)
    expect((await server.client.call('/t/Echo', [Buffer.from('a')])).status).toBe(0)
  })

  it('that is no HTTP/2 after all is closed, and the server lives', async () => {
    await using server = await serving({ '/t/Echo': echo })
    const { port } = new URL(server.url)
    const liar = openSocket(Number(port), '127.0.0.1')
    liar.on('error', () => undefined)
    liar.write('PRIVATE / HTTP/1.1\r\n\r\n')
    liar.resume()
    await once(liar, 'close')
    expect((await server.client.call('/t/Echo', [Buffer.from('a')])).status).toBe(0)
  })
})

async function echo(call: Call): Promise<void> {
  for await (const batch of call.batches()) {
    for (const message of batch) await call.send(framed(message))
  }
}

async function serving(methods: Methods, parts: Partial<GrpcParts> = {}) {
  const ended: EndedCall[] = []
  const closing = new AbortController()
  const grpc = createGrpcServer({
    admit: () => openAccess,
    methods,
    clock: systemClock,
    limits: { messageBytes: 1_000_000, assemblingBytes: 1_000_000 },
    heartbeatMs: 10_000,
    closing: closing.signal,
    failureOf,
    others: (_, response) => response.writeHead(421).end('This is for others.'),
    ended: (call) => ended.push(call),
    ...parts,
  })
  const server = createServer((socket) => grpc.take(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = rawClient(url)
  const dispose = async (): Promise<void> => {
    closing.abort()
    client.session.destroy()
    grpc.destroy()
    server.close()
    await once(server, 'close')
  }
  return { url, client, ended, [Symbol.asyncDispose]: dispose }
}
