import { randomUUID } from 'node:crypto'
import type { NewEvent } from 'varve'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

let server: RunningServer

beforeEach(async () => {
  server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', heartbeatMs: 20 }))
})
afterEach(() => server.close())

describe('an append over HTTP', () => {
  it('tells where the events landed, and its ETag is the version of the stream', async () => {
    const answer = await send('POST', '/streams/Order-1/events', { events: [event('Placed'), event('Paid')] })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('etag')).toBe('"2"')
    expect(answer.headers.get('location')).toBe('/streams/Order-1/events?from=1&limit=2')
    expect(answer.body).toMatchObject({
      stream_id: 'Order-1',
      first_version: 1,
      version: 2,
      position: 2,
      idempotent: false,
    })
  })

  it('is one append however often it is sent with one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'req-1' }
    const first = await send('POST', '/streams/Order-1/events', { events: [event('Placed')] }, headers)
    const again = await send('POST', '/streams/Order-1/events', { events: [event('Placed')] }, headers)
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.body).toEqual({ ...first.body, idempotent: true })
    expect(await server.store.head()).toBe(1)
  })

  it.each([
    ['If-None-Match: * on a new stream', {}, { 'if-none-match': '*' }],
    ['If-Match with the version', { seeded: true }, { 'if-match': '"1"' }],
    ['If-Match: * on a stream with events', { seeded: true }, { 'if-match': '*' }],
  ])('is taken under %s', async (_, { seeded = false }: { seeded?: boolean }, headers) => {
    if (seeded) await server.store.append('Order-1', [{ type: 'Placed', data: 1 }])
    expect((await send('POST', '/streams/Order-1/events', { events: [event('Paid')] }, headers)).status).toBe(201)
  })

  it('says where its events are read, of which a page holds the first', async () => {
    const events = Array.from({ length: 1_001 }, () => event('Placed'))
    const { headers } = await send('POST', '/streams/Order-1/events', { events })
    const page = await send('GET', headers.get('location') ?? '')
    expect(page).toMatchObject({ status: 200, body: { next: 1_001, end: false } })
  })

  it('writes several streams at once, or none of them', async () => {
    const writes = [
      { stream_id: 'Account-a', events: [event('Sent')], expected_version: 'no_stream' },
      { stream_id: 'Account-b', events: [event('Received')] },
    ]
    const done = await send('POST', '/events', { writes })
    const refused = await send('POST', '/events', { writes })
    expect(done.body).toMatchObject({ streams: [{ stream_id: 'Account-a', version: 1 }, { stream_id: 'Account-b' }] })
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'VERSION_CONFLICT', stream_id: 'Account-a', actual: 1 },
    })
    expect(await server.store.head()).toBe(2)
  })

  it('keeps bytes, odd JSON keys and metadata exactly', async () => {
    const bytes = Buffer.from([0, 255, 10, 0]).toString('base64')
    const odd = '{"__proto__":{"a":1},"constructor":{"prototype":2},"b":[1e+21,-0.5]}'
    const sent = `{"events":[{"event_type":"A","data":${odd}},{"event_type":"B","data_base64":"${bytes}","content_type":"image/x"},{"event_type":"C","data_base64":""}]}`
    await send('POST', '/streams/Odd-1/events', sent)
    const text = await (await fetch(`${server.url}/streams/Odd-1/events`)).text()
    expect(text).toContain(`"data":${odd},`)
    expect(JSON.parse(text).events).toMatchObject([
      {},
      { data_base64: bytes, content_type: 'image/x' },
      { data_base64: '' },
    ])
  })
})

describe('JSON that is not written the same again once it was parsed', () => {
  it.each(['1e400', '-1E400', '-0', '1.0', '12345678901234567890', '{"a":1,"a":2}', ' [ 1 ]\n', '{"a":[1e400]}'])(
    'comes back byte for byte when it was sent as bytes: %s',
    async (text) => {
      const data_base64 = Buffer.from(text).toString('base64')
      const sent = { event_type: 'A', data_base64, content_type: 'application/json' }
      await send('POST', '/streams/Odd-1/events', { events: [sent] })
      const { body } = await send('GET', '/streams/Odd-1/events')
      expect(body).toMatchObject({ events: [{ data_base64 }] })
      const [stored] = await server.store.readStream('Odd-1').toArray()
      expect(Buffer.from(stored?.rawData ?? '').toString()).toBe(text)
    },
  )

  it('has no data beside the bytes when a number in it is beyond every double, for null would be a lie', async () => {
    const data_base64 = Buffer.from('{"a":1e400}').toString('base64')
    await send('POST', '/streams/Odd-1/events', {
      events: [{ event_type: 'A', data_base64, content_type: 'application/json' }],
    })
    const { body } = await send('GET', '/streams/Odd-1/events')
    expect(body.events[0]).not.toHaveProperty('data')
  })
})

describe('a stream id in a path', () => {
  it.each(['a/b', 'a b', 'a%2Fb', 'a?b#c', 'a\0b', '🐘', 'café', '$x', '__proto__', '日'.repeat(1_000)])(
    'may be %j',
    async (id) => {
      const path = `/streams/${encodeURIComponent(id)}`
      await server.store.append(id, [{ type: 'A', data: 1 }])
      expect((await send('GET', path)).body).toMatchObject({ stream_id: id, version: 1, exists: true })
      expect((await send('GET', `${path}/events`)).body).toMatchObject({ events: [{ stream_id: id }], end: true })
    },
  )
})

describe('a read over HTTP', () => {
  it('goes through the store page by page, past what does not match', async () => {
    for (let n = 1; n <= 7; n++) await server.store.append(`${n % 2 ? 'Odd' : 'Even'}-1`, [{ type: 'N', data: n }])
    const found: number[] = []
    let [from, pages] = [1, 0]
    for (let end = false; !end; pages++) {
      const { body } = await send('GET', `/events?categories=Even&limit=2&from=${from}`)
      found.push(...body.events.map((envelope) => envelope.data))
      from = body.next
      end = body.end
    }
    expect({ found, pages, from }).toEqual({ found: [2, 4, 6], pages: 2, from: 8 })
  })

  it('goes backward to the beginning, whose next page is 0', async () => {
    await server.store.append(
      'Order-1',
      [1, 2, 3].map((data) => ({ type: 'N', data })),
    )
    const last = await send('GET', '/streams/Order-1/events?direction=backward&limit=2')
    const first = await send('GET', `/streams/Order-1/events?direction=backward&from=${last.body.next}`)
    expect(last.body).toMatchObject({ events: [{ version: 3 }, { version: 2 }], next: 1, end: false })
    expect(first.body).toMatchObject({ events: [{ version: 1 }], next: 0, end: true })
  })

  it('ends a page early when its events are large', async () => {
    for (let n = 0; n < 6; n++) await server.store.append('Big-1', [{ type: 'N', data: 'x'.repeat(1_000_000) }])
    const { body } = await send('GET', '/events')
    expect(body).toMatchObject({ next: 6, end: false })
    expect(body.events).toHaveLength(5)
  })

  it('streams every event as lines when asked to', async () => {
    await server.store.append(
      'Order-1',
      Array.from({ length: 2_500 }, (_, n) => ({ type: 'N', data: n })),
    )
    const answer = await fetch(`${server.url}/events`, { headers: { accept: 'application/x-ndjson' } })
    const lines = (await answer.text()).trimEnd().split('\n')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    expect(lines.map((line) => JSON.parse(line).data)).toEqual(Array.from({ length: 2_500 }, (_, n) => n))
  })

  it('shows no event of a stream that was never written, and where it stands', async () => {
    expect((await send('GET', '/streams/None-1/events')).body).toEqual({
      ...{ stream_id: 'None-1', version: 0, truncate_before: 1, tombstoned: false, exists: false },
      ...{ events: [], next: 1, end: true, head: 0 },
    })
  })
})

describe('a trace over HTTP', () => {
  it('shows each event below the one that caused it', async () => {
    const id = randomUUID()
    const metadata = { correlationId: 'req-1' }
    const effect = { data: {}, metadata: { ...metadata, causationId: id } }
    await server.store.append('Order-1', [{ type: 'Placed', data: {}, id, metadata }])
    await server.store.append('Order-2', [
      { type: 'Paid', ...effect },
      { type: 'Packed', ...effect },
    ])
    const { body } = await send('GET', '/traces/req-1')
    const below = (event_type: string, ...inner: readonly object[]) => ({ event: { event_type }, effects: inner })
    expect(body).toMatchObject({ roots: [below('Placed', below('Paid'), below('Packed'))], complete: true })
    expect((await send('GET', '/traces/req-2')).body).toEqual({ correlation_id: 'req-2', roots: [], complete: true })
  })

  it('is as deep as its causes, however many lie one behind the other', async () => {
    const ids = Array.from({ length: 9_000 }, () => randomUUID())
    const step = (id: string, index: number): NewEvent => ({
      type: 'Stepped',
      data: {},
      id,
      metadata: { correlationId: 'long', ...(index > 0 && { causationId: ids[index - 1] }) },
    })
    await server.store.append('Order-1', ids.map(step))
    const answer = await fetch(`${server.url}/traces/long`)
    expect(answer.status).toBe(200)
    expect((await answer.text()).match(/"event_id"/g)).toHaveLength(ids.length)
  })
})

describe('a stream as a whole over HTTP', () => {
  it('is truncated, deleted, written again and closed for ever', async () => {
    await server.store.append(
      'Order-1',
      [1, 2, 3].map((data) => ({ type: 'N', data })),
    )
    expect((await send('POST', '/streams/Order-1/truncate', { before: 3 })).body).toMatchObject({ changed: true })
    expect((await send('GET', '/streams/Order-1/events')).body.events).toHaveLength(1)
    expect((await send('DELETE', '/streams/Order-1', undefined, { 'if-match': '"3"' })).status).toBe(200)
    expect((await send('GET', '/streams/Order-1')).body).toMatchObject({ version: 3, exists: false })
    await send('POST', '/streams/Order-1/events', { events: [event('N')], expected_version: 'no_stream' })
    expect((await send('POST', '/streams/Order-1/tombstone')).body).toMatchObject({ changed: true })
    expect((await send('POST', '/streams/Order-1/events', { events: [event('N')] })).body.code).toBe(
      'STREAM_TOMBSTONED',
    )
  })

  it('carries metadata under versions of their own', async () => {
    const path = '/streams/Order-1/metadata'
    await send('PUT', path, { owner: 'shop', truncate_before: 1 }, { 'if-none-match': '*' })
    const late = await send('PUT', path, { owner: 'other' }, { 'if-match': '"9"' })
    expect(late).toMatchObject({ status: 412, body: { code: 'VERSION_CONFLICT' } })
    expect((await send('GET', path)).body).toEqual({ metadata: { owner: 'shop', truncate_before: 1 }, version: 1 })
  })

  it('is listed with others, page by page', async () => {
    for (const id of ['A-1', 'A-2', 'B-1']) await server.store.append(id, [{ type: 'N', data: 1 }])
    const first = await send('GET', '/streams?limit=2')
    const rest = await send('GET', '/streams?after=A-2')
    expect(first.body).toMatchObject({ streams: [{ stream_id: 'A-1' }, { stream_id: 'A-2' }], end: false })
    expect(rest.body).toMatchObject({ streams: [{ stream_id: 'B-1' }], end: true })
  })
})

describe('a checkpoint over HTTP', () => {
  it('is at version 0 until it is saved, and moves only from the version expected', async () => {
    const path = '/checkpoints/mails%2Fdaily'
    expect((await send('GET', path)).body).toEqual({ position: 0, version: 0 })
    expect((await send('PUT', path, { position: 5, expected_version: 0 })).body).toEqual({ position: 5, version: 1 })
    expect((await send('PUT', path, { position: 6, expected_version: 0 })).status).toBe(409)
    expect((await send('GET', path)).body).toEqual({ position: 5, version: 1 })
  })
})

function event(event_type: string): object {
  return { event_type, data: {} }
}

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...type, ...headers },
    ...(text && { body: text }),
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer }
}

/** The fields of answers that a test looks at one by one. */
interface Answer {
  readonly events: readonly { readonly data: number }[]
  readonly next: number
  readonly end: boolean
  readonly code: string
}
