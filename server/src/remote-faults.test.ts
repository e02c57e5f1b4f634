import { createServer } from 'node:http'
import {
  type AddressInfo,
  connect as connectSocket,
  createServer as createSocketServer,
  type Server,
  type Socket,
} from 'node:net'
import { type EventStore, memory, systemClock } from 'varve'
import { connect } from 'varve/remote'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

const placed = { type: 'OrderPlaced', data: { total: 1 } }

describe('a remote store', () => {
  let server: RunningServer
  let line: Line
  let store: EventStore

  beforeEach(async () => {
    server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    line = await lineTo(server.url)
    store = await connect({ url: line.url })
  })
  afterEach(async () => {
    await store.close()
    await line.close()
    await server.close()
  })

  it('appends once when the answer is lost', async () => {
    line.loseAnswers(1)
    const appended = await store.append('Order-1', [placed], { expectedVersion: 'no_stream' })
    expect(appended).toMatchObject({ version: 1, position: 1, idempotent: true })
    expect(await server.store.head()).toBe(1)
  })

  it('saves a checkpoint once when the answer is lost', async () => {
    line.loseAnswers(1)
    expect(await store.checkpoints.save('mails', 7, { expectedVersion: 0 })).toBe(1)
    line.loseAnswers(0)
    await expect(store.checkpoints.save('mails', 8, { expectedVersion: 0 })).rejects.toMatchObject({
      code: 'CHECKPOINT_CONFLICT',
    })
  })

  it('says after several attempts that nobody answers', async () => {
    const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal) }
    await using impatient = await connect({ url: line.url, clock: hasty, timeoutMs: 60_000 })
    line.cut()
    await expect(impatient.head()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true })
  })

  it('gives up waiting for an answer that does not come', async () => {
    await using impatient = await connect({ url: line.url, timeoutMs: 20 })
    line.loseAnswers(Number.POSITIVE_INFINITY, 'silently')
    await expect(impatient.head()).rejects.toThrow(/no answer within 20 ms/)
  })

  it('stops waiting when its signal aborts, with the reason', async () => {
    line.loseAnswers(Number.POSITIVE_INFINITY, 'silently')
    const giveUp = new AbortController()
    const head = store.head({ signal: giveUp.signal })
    const reason = new Error('enough')
    giveUp.abort(reason)
    await expect(head).rejects.toBe(reason)
  })

  it('waits for appends under way when it closes, and for nothing else', async () => {
    const append = store.append('Order-1', [placed])
    const head = store.head()
    const closed = store.close()
    await expect(head).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await closed
    expect(await append).toMatchObject({ version: 1 })
  })

  it('delivers each event once, however often the connection breaks', async () => {
    const seen: number[] = []
    for (let n = 1; n <= 5; n++) await server.store.append('Order-1', [{ type: 'N', data: n }])
    for await (const item of store.subscribe({ marks: true })) {
      if (item.kind === 'event') seen.push(item.event.position)
      if (item.kind !== 'caught_up') continue
      if (seen.length >= 9) break
      line.breakOff()
      await server.store.append('Order-1', [
        { type: 'N', data: 0 },
        { type: 'N', data: 0 },
      ])
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('begins at the end as it was when asked, also when the first connection breaks', async () => {
    await server.store.append('Order-1', [placed])
    const events = store.subscribe({ from: 'end' })[Symbol.asyncIterator]()
    line.breakOff()
    const next = events.next()
    await expect.poll(() => line.connections()).toBeGreaterThan(0)
    await expect.poll(async () => metricOf(server, 'varve_subscriptions')).toBe(1)
    await server.store.append('Order-1', [{ type: 'OrderPaid', data: 1 }])
    expect((await next).value).toMatchObject({ type: 'OrderPaid', position: 2 })
    await events.return?.()
  })

  it('goes on following when the server was away', async () => {
    const engine = memory()
    const kept = { ...engine, close: async () => undefined }
    const config = { store: 'memory:', logLevel: 'silent' }
    const first = await startServer(serverConfig({ ...config, port: 0 }), { engine: kept })
    await using remote = await connect({ url: first.url })
    const events = remote.subscribe({ filter: { types: ['N'] } })[Symbol.asyncIterator]()
    await remote.append('Order-1', [{ type: 'N', data: 1 }])
    expect((await events.next()).value.data).toBe(1)
    const next = events.next()
    await first.close()
    await using second = await startServer(serverConfig({ ...config, port: new URL(first.url).port }), { engine: kept })
    await second.store.append('Order-1', [{ type: 'N', data: 2 }])
    expect((await next).value.data).toBe(2)
    await events.return?.()
  })

  it('resumes from its checkpoint', async () => {
    for (let n = 1; n <= 3; n++) await server.store.append('Order-1', [{ type: 'N', data: n }])
    for await (const event of store.subscribe({ checkpoint: 'mails' })) if (event.data === 3) break
    const again = store.subscribe({ checkpoint: 'mails' })[Symbol.asyncIterator]()
    // The event during whose turn the loop was left is delivered again.
    expect((await again.next()).value.data).toBe(3)
    await again.return?.()
  })

  it.each([
    ['binary', { data: new Uint8Array([0, 255, 1]), contentType: 'image/x' }],
    ['no bytes', { data: new Uint8Array() }],
    [
      'JSON in a form of its own',
      { data: new TextEncoder().encode('{ "b": 1.0,\n"a": 2 }'), contentType: 'application/json' },
    ],
    ['JSON that is broken', { data: new TextEncoder().encode('{"a":'), contentType: 'application/json' }],
    [
      'a number of many digits',
      { data: new TextEncoder().encode('12345678901234567890'), contentType: 'application/json' },
    ],
    ['odd keys', { data: JSON.parse('{"__proto__":{"x":1},"1":2,"constructor":{"prototype":3}}') }],
    ['bytes as metadata', { data: 1, metadata: new Uint8Array([1, 0, 255]), metadataContentType: 'x/y' }],
    ['lone surrogates in text', { data: '\ud800 \u2028 \0' }],
  ])('keeps a payload exactly: %s', async (_, event) => {
    await store.append('Exact-1', [{ type: 'A', ...event }])
    await server.store.append('Exact-2', [{ type: 'A', ...event }])
    const [there, remote, embedded] = await Promise.all([
      server.store.readStream('Exact-1').first(),
      store.readStream('Exact-2').first(),
      server.store.readStream('Exact-2').first(),
    ])
    for (const found of [there, remote]) {
      expect(bytes(found?.rawData)).toEqual(bytes(embedded?.rawData))
      expect(bytes(found?.rawMetadata)).toEqual(bytes(embedded?.rawMetadata))
      expect([found?.contentType, found?.metadataContentType]).toEqual([
        embedded?.contentType,
        embedded?.metadataContentType,
      ])
    }
  })

  it("takes the server's time for events that bring none", async () => {
    const slow = { ...systemClock, now: () => 0 }
    await using late = await connect({ url: server.url, clock: slow })
    await late.append('Order-1', [placed, { ...placed, timestamp: '2001-01-01T00:00:00.000Z' }])
    const [fresh, imported] = await server.store.readStream('Order-1').toArray()
    expect(fresh?.recordedAtMs).toBeGreaterThan(Date.parse('2020-01-01'))
    expect(imported?.metadata.timestamp).toBe('2001-01-01T00:00:00.000Z')
  })
})

describe('a connection to what is no Varve server', () => {
  it.each([
    ['a page', (text: string) => [200, 'text/html', text] as const, 'REMOTE_FAILED'],
    ['a refusal of its own', (text: string) => [404, 'text/html', text] as const, 'REMOTE_FAILED'],
    ['a proxy whose server is away', (text: string) => [502, 'text/html', text] as const, 'ENGINE_UNAVAILABLE'],
  ])('says so: %s', async (_, answer, code) => {
    const [status, type, text] = answer('<h1>Hello</h1>')
    const other = createServer((_request, response) => response.writeHead(status, { 'content-type': type }).end(text))
    const url = await listening(other)
    const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal) }
    await expect(connect({ url, clock: hasty, timeoutMs: 60_000 })).rejects.toMatchObject({ code })
    other.close()
  })

  it('says what was heard instead of HTTP', async () => {
    const other = createSocketServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
    const url = await listening(other)
    const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal) }
    await expect(connect({ url, clock: hasty, timeoutMs: 60_000 })).rejects.toThrow(/does not answer \(.*HTTP\/1\.1/)
    other.close()
  })

  it.each([
    ['ftp://localhost', /write http:\/\/host:2113/],
    ['localhost:2113', /write http:\/\/host:2113/],
    ['http://user:secret@localhost', /headers\.authorization/],
    ['http://localhost/?a=b', /ends before/],
  ])('is refused before anything is sent: %s', async (url, says) => {
    await expect(connect({ url })).rejects.toThrow(says)
    await expect(connect({ url })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

/** A line between client and server on which things go wrong. */
interface Line {
  readonly url: string
  /** Answers to the next requests do not arrive: the connection breaks, or nothing is heard. */
  loseAnswers(count: number, how?: 'breaking' | 'silently'): void
  /** Breaks every connection there is. */
  breakOff(): void
  /** Nobody gets through any more. */
  cut(): void
  connections(): number
  close(): Promise<void>
}

async function lineTo(target: string): Promise<Line> {
  const sockets = new Set<Socket>()
  let lost = 0
  let how: 'breaking' | 'silently' = 'breaking'
  const proxy = createSocketServer((near) => {
    const far = connectSocket(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far)
    far.on('data', (data) => {
      if (lost > 0) {
        lost--
        if (how === 'breaking') near.destroy()
      } else near.write(data)
    })
  })
  const url = await listening(proxy)
  const breakOff = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url,
    loseAnswers: (count, manner = 'breaking') => {
      lost = count
      how = manner
    },
    breakOff,
    cut: () => {
      proxy.close()
      breakOff()
    },
    connections: () => sockets.size,
    close: async () => {
      proxy.close()
      breakOff()
    },
  }
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function metricOf({ url }: RunningServer, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

function bytes(payload: string | Uint8Array | undefined): Buffer | undefined {
  return payload === undefined ? undefined : Buffer.from(payload as string)
}
