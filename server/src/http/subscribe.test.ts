import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { heapAfterCollection } from '../../../test/heap.ts'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

let server: RunningServer

beforeEach(async () => {
  server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', heartbeatMs: 20 }))
})
afterEach(() => server.close())

describe('a subscription over HTTP', () => {
  it('catches up, says so, and follows', async () => {
    await server.store.append('Order-1', [{ type: 'Placed', data: 1 }])
    const heard = await listen('/subscribe')
    await heard.until('caught_up')
    await server.store.append('Order-1', [{ type: 'Paid', data: 2 }])
    const text = await heard.until('"Paid"')
    expect(text.replaceAll(': alive\n\n', '')).toMatch(
      /id: 1\nevent: event\ndata: \{.*"Placed".*\n\nid: 1\nevent: caught_up\ndata: \{"position":1\}\n\nid: 2\nevent: event\n/,
    )
    heard.leave()
  })

  it('goes on right after Last-Event-ID, whatever from says', async () => {
    await server.store.append(
      'Order-1',
      [1, 2, 3].map((data) => ({ type: `N${data}`, data })),
    )
    const heard = await listen('/subscribe?from=1', { 'last-event-id': '2' })
    const text = await heard.until('caught_up')
    expect(text).toContain('"N3"')
    expect(text).not.toContain('"N2"')
    heard.leave()
  })

  it('follows one stream by version', async () => {
    await server.store.append('Other-1', [{ type: 'N', data: 0 }])
    await server.store.append('Order-1', [{ type: 'N', data: 1 }])
    const heard = await listen('/subscribe?stream=Order-1')
    expect(await heard.until('caught_up')).toMatch(/id: 1\nevent: event\n.*"global_position":2/)
    heard.leave()
  })

  it('tells how far it came when nothing matched', async () => {
    await server.store.append(
      'Order-1',
      [1, 2].map((data) => ({ type: 'N', data })),
    )
    const heard = await listen('/subscribe?types=Nothing')
    expect(await heard.until('caught_up')).toContain('id: 2\nevent: caught_up')
    heard.leave()
  })

  it('takes a whole query as a body', async () => {
    await server.store.append(
      'Order-1',
      ['A', 'B', 'C'].map((type) => ({ type, data: 1 })),
    )
    const heard = await listen('/subscribe', {}, { query: [{ types: ['A'] }, { types: ['C'] }] })
    const text = await heard.until('caught_up')
    expect([...text.matchAll(/"event_type":"(.)"/g)].map(([, type]) => type)).toEqual(['A', 'C'])
    heard.leave()
  })

  it('gives signs of life while nothing happens', async () => {
    const heard = await listen('/subscribe')
    expect(await heard.until(': alive\n\n: alive')).toContain('retry: 1000\n\n')
    heard.leave()
  })

  it('ends with a word when the server shuts down', async () => {
    const heard = await listen('/subscribe')
    await heard.until('caught_up')
    await server.close()
    expect(await heard.end()).toMatch(/: the server shuts down, come back later\n\n$/)
  })

  it('costs a slow reader no memory of the server beyond a page', async () => {
    const large = { type: 'N', data: 'x'.repeat(500_000) }
    for (let n = 0; n < 100; n++) await server.store.append('Big-1', [large])
    const before = heapAfterCollection()
    const slow = await Promise.all(Array.from({ length: 10 }, () => listen('/subscribe', {}, undefined, 'stalled')))
    await server.store.head()
    await expect.poll(async () => metric('varve_subscriptions')).toBe(10)
    // Ten readers that took everything into memory would hold 500 MB; one page and the socket's buffer are far less.
    expect((heapAfterCollection() - before) / 1_048_576).toBeLessThan(200)
    for (const one of slow) one.leave()
    await expect.poll(async () => metric('varve_subscriptions')).toBe(0)
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

interface Heard {
  /** Everything heard so far, once it contains a text. */
  until(text: string): Promise<string>
  /** Everything heard, once the other side ended. */
  end(): Promise<string>
  leave(): void
}

function listen(
  path: string,
  headers: Record<string, string> = {},
  body?: object,
  how: 'reading' | 'stalled' = 'reading',
): Promise<Heard> {
  const method = body === undefined ? 'GET' : 'POST'
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const asked = request(server.url + path, { method, headers: { ...headers, ...type } }, (response) => {
      let text = ''
      let ended = false
      const heard: Heard = {
        until: (wanted) =>
          expect
            .poll(() => text)
            .toContain(wanted)
            .then(() => text),
        end: () =>
          expect
            .poll(() => ended)
            .toBe(true)
            .then(() => text),
        leave: () => asked.destroy(),
      }
      response.on('end', () => {
        ended = true
      })
      if (how === 'reading') {
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
      }
      response.on('error', () => undefined)
      resolve(heard)
    })
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
