import { request } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

interface Request {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: unknown
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
}

const stream = '/streams/Order-1/events'
const placed = { event_type: 'OrderPlaced', data: { total: 1 } }
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Request => ({
  method: 'POST',
  path,
  headers,
  body,
})
const append = (event: object, headers?: Record<string, string>): Request => post(stream, { events: [event] }, headers)
const many = (count: number, what: (index: number) => unknown): unknown[] =>
  Array.from({ length: count }, (_, index) => what(index))

type Row = readonly [name: string, request: Request, status: number, code: string, detail: RegExp]

// biome-ignore format: one refusal a line reads as the table it is
const bodies: readonly Row[] = [
  ['no body at all', post(stream, undefined), 400, 'INVALID_ARGUMENT', /body is not a JSON object/],
  ['an empty body', post(stream, ''), 400, 'INVALID_ARGUMENT', /body is not a JSON object/],
  ['a body that is no JSON', post(stream, '{"events": [}'), 400, 'INVALID_ARGUMENT', /^body is not JSON/],
  ['a body that stops half way', post(stream, '{"events": ['), 400, 'INVALID_ARGUMENT', /body is not JSON/],
  ['two JSON values', post(stream, '{"events":[]}{}'), 400, 'INVALID_ARGUMENT', /body is not JSON/],
  ['a JSON array', post(stream, [placed]), 400, 'INVALID_ARGUMENT', /body is not a JSON object/],
  ['the JSON null', post(stream, 'null'), 400, 'INVALID_ARGUMENT', /body is not a JSON object/],
  ['bytes that are no UTF-8', post(stream, Buffer.from([0x7b, 0xff, 0x7d])), 400, 'INVALID_ARGUMENT', /not UTF-8/],
  ['text instead of JSON', append(placed, { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE', /application\/json/],
  ['a form', post(stream, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'UNSUPPORTED_MEDIA_TYPE', /application\/json/],
  ['a body larger than the limit', append({ ...placed, data: 'x'.repeat(2_200_000) }), 413, 'BODY_TOO_LARGE', /2000000 bytes/],
  ['a number that would vanish', post(stream, '{"events":[{"event_type":"A","data":[-0.1e-400]}]}'), 400, 'INVALID_ARGUMENT', /-0\.1e-400/],
  ['a whole number that no double holds', post(stream, '{"events":[{"event_type":"A","data":12345678901234567890}]}'), 400, 'INVALID_ARGUMENT', /12345678901234567890.*data_base64/],
  ['a number beyond every double', post(stream, '{"events":[{"event_type":"A","data":1e999}]}'), 400, 'INVALID_ARGUMENT', /1e999/],
  ['a body where none is taken', post('/streams/Order-1/tombstone', { expected_version: 7 }), 400, 'INVALID_ARGUMENT', /body is not taken/],
  ['a body that is compressed', append(placed, { 'content-encoding': 'gzip' }), 415, 'UNSUPPORTED_MEDIA_TYPE', /without a content-encoding \(gzip\)/],
  ['payloads nested without end', post(stream, `{"events":[{"event_type":"A","data":${'['.repeat(200_000)}${']'.repeat(200_000)}}]}`), 400, 'INVALID_ARGUMENT', /no JSON form/],
]

// biome-ignore format: one refusal a line reads as the table it is
const events: readonly Row[] = [
  ['no events', post(stream, {}), 400, 'INVALID_ARGUMENT', /^events is missing/],
  ['an empty list of events', post(stream, { events: [] }), 400, 'INVALID_ARGUMENT', /^events is empty/],
  ['events that are no list', post(stream, { events: placed }), 400, 'INVALID_ARGUMENT', /^events is not a list/],
  ['an event that is no object', post(stream, { events: [7] }), 400, 'INVALID_ARGUMENT', /^events\[0\] is not an object/],
  ['an unknown field beside events', post(stream, { events: [placed], expectedVersion: 1 }), 400, 'INVALID_ARGUMENT', /unknown field "expectedVersion".*expected_version/],
  ['a prototype in disguise', post(stream, `{"__proto__":{"a":1},"events":[${JSON.stringify(placed)}]}`), 400, 'INVALID_ARGUMENT', /unknown field "__proto__"/],
  ['an unknown field of an event', append({ ...placed, eventId: 'x' }), 400, 'INVALID_ARGUMENT', /^events\[0\] has an unknown field "eventId"/],
  ['no event type', append({ data: 1 }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.event_type is missing/],
  ['an empty event type', append({ ...placed, event_type: '' }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.event_type is not a non-empty string/],
  ['an event type that is a number', append({ ...placed, event_type: 7 }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.event_type/],
  ['an event type that is too long', append({ ...placed, event_type: 'x'.repeat(256) }), 422, 'LIMIT_EXCEEDED', /eventTypeChars/],
  ['no payload', append({ event_type: 'A' }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.data is missing/],
  ['two payloads', append({ ...placed, data_base64: 'AA==' }), 400, 'INVALID_ARGUMENT', /both data and data_base64/],
  ['a payload that is no base64', append({ event_type: 'A', data_base64: 'A*==' }), 400, 'INVALID_ARGUMENT', /data_base64 is not base64/],
  ['base64 without its padding', append({ event_type: 'A', data_base64: 'AA' }), 400, 'INVALID_ARGUMENT', /data_base64 is not base64/],
  ['a payload over the limit', append({ event_type: 'A', data: 'x'.repeat(1_048_577) }), 413, 'PAYLOAD_TOO_LARGE', /claimCheck\(\)/],
  ['JSON under a foreign content type', append({ ...placed, content_type: 'text/plain' }), 400, 'INVALID_ARGUMENT', /text\/plain/],
  ['an id that is no UUID', append({ ...placed, event_id: 'order-1' }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.event_id is not a UUID/],
  ['metadata that is a list', append({ ...placed, metadata: [] }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.metadata/],
  ['metadata that brings its own time', append({ ...placed, metadata: { timestamp: 'now' } }), 400, 'INVALID_ARGUMENT', /metadata\.timestamp is set by the store/],
  ['metadata twice', append({ ...placed, metadata: {}, metadata_base64: 'AA==' }), 400, 'INVALID_ARGUMENT', /both metadata and metadata_base64/],
  ['a content type for metadata that has none', append({ ...placed, metadata_content_type: 'text/plain' }), 400, 'INVALID_ARGUMENT', /metadata_base64 only/],
  ['tags that are no list', append({ ...placed, tags: 'a' }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.tags is not a list/],
  ['an empty tag', append({ ...placed, tags: [''] }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.tags\[0\]/],
  ['too many tags', append({ ...placed, tags: many(65, String) }), 422, 'LIMIT_EXCEEDED', /eventTags/],
  ['a schema version of zero', append({ ...placed, schema_version: 0 }), 400, 'INVALID_ARGUMENT', /^events\[0\]\.schema_version is less than 1/],
  ['a schema version that is no whole number', append({ ...placed, schema_version: 1.5 }), 400, 'INVALID_ARGUMENT', /schema_version is not a whole number/],
  ['a time that is none', append({ ...placed, timestamp: 'yesterday' }), 400, 'INVALID_ARGUMENT', /timestamp/],
  ['a time without its zone', append({ ...placed, timestamp: '2026-01-15T10:30:00' }), 400, 'INVALID_ARGUMENT', /timestamp is no ISO 8601 time/],
  ['two events with one id', post(stream, { events: many(2, () => ({ ...placed, event_id: '0198c6e2-0000-7000-8000-000000000001' })) }), 400, 'INVALID_ARGUMENT', /same id/],
  ['too many events', post('/streams/Order-1/events', { events: many(10_001, () => ({ event_type: 'A', data: 0 })) }), 422, 'LIMIT_EXCEEDED', /appendEvents/],
]

// biome-ignore format: one refusal a line reads as the table it is
const guards: readonly Row[] = [
  ['an expected version that is text', post(stream, { events: [placed], expected_version: '1' }), 400, 'INVALID_ARGUMENT', /^expected_version is not a version from 0 on/],
  ['a negative expected version', post(stream, { events: [placed], expected_version: -1 }), 400, 'INVALID_ARGUMENT', /^expected_version/],
  ['an expected version past every integer', post(stream, { events: [placed], expected_version: 1e300 }), 400, 'INVALID_ARGUMENT', /expected_version/],
  ['a version that does not hold', post(stream, { events: [placed], expected_version: 5 }), 409, 'VERSION_CONFLICT', /at version 1, expected 5/],
  ['a version that does not hold, by header', append(placed, { 'if-match': '"5"' }), 412, 'VERSION_CONFLICT', /at version 1, expected 5/],
  ['a stream that exists already, by header', append(placed, { 'if-none-match': '*' }), 412, 'VERSION_CONFLICT', /no_stream/],
  ['If-Match without quotes', append(placed, { 'if-match': '1' }), 400, 'INVALID_ARGUMENT', /^If-Match/],
  ['a weak If-Match', append(placed, { 'if-match': 'W/"1"' }), 400, 'INVALID_ARGUMENT', /^If-Match/],
  ['If-None-Match with a version', append(placed, { 'if-none-match': '"1"' }), 400, 'INVALID_ARGUMENT', /^If-None-Match/],
  ['both preconditions', append(placed, { 'if-match': '*', 'if-none-match': '*' }), 400, 'INVALID_ARGUMENT', /does not go with/],
  ['an expectation in header and body', post(stream, { events: [placed], expected_version: 1 }, { 'if-match': '"1"' }), 400, 'INVALID_ARGUMENT', /say it once/],
  ['a precondition header for several streams', post('/events', { writes: [{ stream_id: 'a', events: [placed] }] }, { 'if-match': '"1"' }), 400, 'INVALID_ARGUMENT', /^If-Match does not apply/],
  ['a condition without a query', post(stream, { events: [placed], condition: {} }), 400, 'INVALID_ARGUMENT', /^condition\.fail_if_match is missing/],
  ['a condition with an empty query', post(stream, { events: [placed], condition: { fail_if_match: [] } }), 400, 'INVALID_ARGUMENT', /^condition\.fail_if_match is an empty list/],
  ['a condition that says nothing', post(stream, { events: [placed], condition: { fail_if_match: {} } }), 400, 'INVALID_ARGUMENT', /^condition\.fail_if_match says nothing/],
  ['a condition with a typo', post(stream, { events: [placed], condition: { fail_if_match: { type: ['A'] } } }), 400, 'INVALID_ARGUMENT', /^condition\.fail_if_match is not/],
  ['a condition that does not hold', post(stream, { events: [placed], condition: { fail_if_match: { types: ['OrderPlaced'] } } }), 409, 'CONDITION_FAILED', /position \d/],
  ['an idempotency key that is too long', append(placed, { 'idempotency-key': 'k'.repeat(256) }), 422, 'LIMIT_EXCEEDED', /idempotencyKeyChars/],
  ['two idempotency keys', append(placed, { 'idempotency-key': 'a, b' }), 400, 'INVALID_ARGUMENT', /^Idempotency-Key/],
  ['one stream written twice', post('/events', { writes: many(2, () => ({ stream_id: 'a', events: [placed] })) }), 400, 'INVALID_ARGUMENT', /one stream twice/],
  ['no writes', post('/events', { writes: [] }), 400, 'INVALID_ARGUMENT', /empty/],
]

// biome-ignore format: one refusal a line reads as the table it is
const names: readonly Row[] = [
  ['a stream id that is too long', post(`/streams/${'x'.repeat(1_001)}/events`, { events: [placed] }), 422, 'LIMIT_EXCEEDED', /streamIdChars/],
  ['a stream id that is no UTF-8', { path: '/streams/%ff/events' }, 400, 'INVALID_REQUEST', /percent-encoded/],
  ['a tombstoned stream', post('/streams/Closed-1/events', { events: [placed] }), 410, 'STREAM_TOMBSTONED', /Closed-1/],
  ['an empty stream id', post('/streams//events', { events: [placed] }), 400, 'INVALID_ARGUMENT', /stream_id is not a non-empty string/],
  ['an empty stream id in a body', post('/events', { writes: [{ stream_id: '', events: [placed] }] }), 400, 'INVALID_ARGUMENT', /stream_id is not a non-empty string/],
  ['a stream id with a lone surrogate', post('/events', '{"writes":[{"stream_id":"\\ud800","events":[{"event_type":"A","data":1}]}]}'), 400, 'INVALID_ARGUMENT', /lone surrogate/],
  ['a fact about a stream that is none', post('/streams/%24%24Order-1/events', { events: [placed] }), 400, 'INVALID_ARGUMENT', /fact/],
  ['a checkpoint name that is too long', { path: `/checkpoints/${'c'.repeat(201)}` }, 422, 'LIMIT_EXCEEDED', /checkpointNameChars/],
  ['a checkpoint at no position', { method: 'PUT', path: '/checkpoints/mails', body: { position: -1 } }, 400, 'INVALID_ARGUMENT', /^position is less than 0/],
  ['a checkpoint that was never saved', { method: 'PUT', path: '/checkpoints/mails', body: { position: 1, expected_version: 4 } }, 409, 'CHECKPOINT_CONFLICT', /mails/],
  ['metadata that is a list', { method: 'PUT', path: '/streams/Order-1/metadata', body: [] }, 400, 'INVALID_ARGUMENT', /^body is not a JSON object/],
  ['metadata that hides by text', { method: 'PUT', path: '/streams/Order-1/metadata', body: { truncate_before: '2' } }, 400, 'INVALID_ARGUMENT', /^truncate_before is not a whole number/],
  ['a truncation past the end', post('/streams/Order-1/truncate', { before: 9 }), 400, 'INVALID_ARGUMENT', /past the stream's end/],
  ['a truncation without a version', post('/streams/Order-1/truncate', {}), 400, 'INVALID_ARGUMENT', /^before is missing/],
  ['a delete of a stream that moved on', { method: 'DELETE', path: '/streams/Order-1', headers: { 'if-match': '"9"' } }, 412, 'VERSION_CONFLICT', /at version 1/],
  ['a tombstone for a stream that moved on', { method: 'POST', path: '/streams/Order-1/tombstone', headers: { 'if-match': '"9"' } }, 412, 'VERSION_CONFLICT', /at version 1/],
]

// biome-ignore format: one refusal a line reads as the table it is
const reads: readonly Row[] = [
  ['a place that is no number', { path: '/events?from=two' }, 400, 'INVALID_ARGUMENT', /^from is not a whole number/],
  ['a negative place', { path: '/events?from=-1' }, 400, 'INVALID_ARGUMENT', /^from is less than 0/],
  ['a place in the notation of floats', { path: '/events?from=1e3' }, 400, 'INVALID_ARGUMENT', /^from is not a whole number/],
  ['a place past every integer', { path: '/events?from=9999999999999999' }, 400, 'INVALID_ARGUMENT', /^from/],
  ['a place given twice', { path: '/events?from=1&from=2' }, 400, 'INVALID_ARGUMENT', /^from/],
  ['a page that is too large', { path: '/events?limit=1001' }, 422, 'LIMIT_EXCEEDED', /pageEvents/],
  ['a limit that is no number', { path: `${stream}?limit=all` }, 400, 'INVALID_ARGUMENT', /^limit is not a whole number/],
  ['an unknown direction', { path: `${stream}?direction=sideways` }, 400, 'INVALID_ARGUMENT', /^direction is none of "forward", "backward"/],
  ['an unknown parameter', { path: '/events?type=OrderPlaced' }, 400, 'INVALID_ARGUMENT', /unknown field "type".*types/],
  ['a filter with an empty term', { path: '/events?tags=' }, 400, 'INVALID_ARGUMENT', /non-empty/],
  ['a query string that is no UTF-8', { path: '/events?types=%ff' }, 400, 'INVALID_ARGUMENT', /percent-encoded/],
  ['too many items in a query', post('/events/query', { query: many(101, () => ({ types: ['A'] })) }), 422, 'LIMIT_EXCEEDED', /queryItems/],
  ['a query and a stream', post('/events/query', { query: 'everything', stream_id: 'a' }), 400, 'INVALID_ARGUMENT', /does not go together/],
  ['a subscription to a stream and a filter', { path: '/subscribe?stream=a&types=b' }, 400, 'INVALID_ARGUMENT', /does not go together/],
  ['a page of the shelf that is too large', { path: '/shelf?limit=9999' }, 400, 'INVALID_ARGUMENT', /^limit is more than 32/],
  ['a wait that is too long', { path: '/groups/g/events?consumer=c&wait_ms=60000' }, 400, 'INVALID_ARGUMENT', /^wait_ms is more than 55000/],
  ['a consumer without a name', { path: '/groups/g/events?consumer=' }, 400, 'INVALID_ARGUMENT', /^consumer is shorter than 1 character/],
  ['a consumer whose name is too long', { path: `/groups/g/events?consumer=${'c'.repeat(65)}` }, 400, 'INVALID_ARGUMENT', /^consumer is longer than 64 characters/],
  ['acks of nothing', post('/groups/g/acks', { consumer: 'c', delivery_ids: [] }), 400, 'INVALID_ARGUMENT', /^delivery_ids has fewer than 1 item/],
  ['a strategy that is none', { method: 'PUT', path: '/groups/g', body: { strategy: 'random' } }, 400, 'INVALID_ARGUMENT', /^strategy is none of "round_robin", "single"/],
  ['a group from nowhere', { method: 'PUT', path: '/groups/g', body: { from: 'start' } }, 400, 'INVALID_ARGUMENT', /^from is not a position from 0 on/],
  ['a subscription from nowhere', { path: '/subscribe?from=start' }, 400, 'INVALID_ARGUMENT', /^from is not a place/],
  ['a Last-Event-ID from elsewhere', { path: '/subscribe', headers: { 'last-event-id': 'abc' } }, 400, 'INVALID_ARGUMENT', /^Last-Event-ID/],
]

// biome-ignore format: one refusal a line reads as the table it is
const routes: readonly Row[] = [
  ['an unknown path', { path: '/stream/Order-1' }, 404, 'NOT_FOUND', /openapi\.json/],
  ['a path with a slash too much', { path: '/head/' }, 404, 'NOT_FOUND', /openapi\.json/],
  ['an unknown path with a body', post('/stream/Order-1', {}), 404, 'NOT_FOUND', /openapi\.json/],
  ['a wrong method', { method: 'PATCH', path: stream }, 405, 'METHOD_NOT_ALLOWED', /GET or/],
  ['a wrong method with a body', { method: 'PUT', path: stream, body: {} }, 405, 'METHOD_NOT_ALLOWED', /GET or/],
  ['a delete of the log', { method: 'DELETE', path: '/events' }, 405, 'METHOD_NOT_ALLOWED', /not allowed/],
  ['a foreign host', { path: '/head', headers: { host: 'evil.example' } }, 421, 'MISDIRECTED', /evil\.example/],
  ['a page of another site', append(placed, { origin: 'https://evil.example' }), 403, 'CROSS_ORIGIN', /evil\.example/],
  ['a page of another site that consumes', { path: '/groups/g/events?consumer=c', headers: { origin: 'https://evil.example' } }, 403, 'CROSS_ORIGIN', /evil\.example/],
  ['an image of another site that consumes', { path: '/groups/g/subscribe?consumer=c', headers: { 'sec-fetch-site': 'cross-site' } }, 403, 'CROSS_ORIGIN', /another site/],
  ['a page without an origin of its own', append(placed, { origin: 'null' }), 403, 'CROSS_ORIGIN', /null/],
]

describe('the HTTP API', () => {
  let server: RunningServer
  let head: number

  beforeAll(async () => {
    server = await startServer(serverConfig({ store: 'memory:', port: 0, bodyBytes: 2_000_000, logLevel: 'silent' }))
    await server.store.append('Order-1', [{ type: 'OrderPlaced', data: { total: 1 } }])
    await server.store.append('Closed-1', [{ type: 'OrderPlaced', data: { total: 1 } }])
    await server.store.tombstone('Closed-1')
    head = await server.store.head()
  })
  afterAll(() => server.close())

  it.each([...bodies, ...events, ...guards, ...names, ...reads, ...routes])(
    'refuses %s',
    async (_, asked, status, code, detail) => {
      const answer = await ask(server.url, asked)
      expect({ ...answer.body, status: answer.status }).toMatchObject({
        status,
        code,
        detail: expect.stringMatching(detail),
      })
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(answer.body).toMatchObject({ type: `urn:varve:error:${code}`, status })
      expect((await ask(server.url, { path: '/head' })).body).toMatchObject({ head })
    },
  )

  it('names the methods that a path takes', async () => {
    const { headers } = await ask(server.url, { method: 'PATCH', path: stream })
    expect(headers.allow).toBe('GET, HEAD, POST')
  })

  it.each([
    ['no HTTP', 'HELLO\r\n\r\n', 400],
    ['a broken header', 'GET /head HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n', 400],
    ['two lengths', 'POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
    ['headers without end', `GET /head HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['no host', 'GET /head HTTP/1.1\r\n\r\n', 400],
    ['bad chunks', 'POST /events HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('answers %s and lives', async (_, text, status) => {
    expect(await sendText(server.url, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect((await ask(server.url, { path: '/head' })).body).toMatchObject({ head })
  })

  it('lives when clients leave in the middle of a body', async () => {
    await sendText(
      server.url,
      `POST ${stream} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
      'leave',
    )
    expect((await ask(server.url, { path: '/head' })).body).toMatchObject({ head })
  })
})

/** Sends a request byte for byte, where fetch would tidy it up. */
function ask(url: string, { method = 'GET', path, headers = {}, body }: Request): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array || body === undefined ? body : JSON.stringify(body)
  const sent = { ...(raw !== undefined && { 'content-type': 'application/json' }), ...headers }
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: sent, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer['body']
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer })
      })
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(raw)
  })
}

function sendText(url: string, text: string, then: 'listen' | 'leave' = 'listen'): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = connectSocket(Number(port), hostname, () => {
      socket.write(text, () => (then === 'leave' ? socket.destroy() : undefined))
    })
    socket.on('data', (chunk) => {
      heard += chunk.toString()
      if (heard.includes('\r\n\r\n')) socket.end()
    })
    // Whoever is answered before it has sent everything may have its connection reset after that.
    socket.on('error', (error) => (heard === '' ? reject(error) : undefined))
    socket.on('close', () => resolve(heard))
  })
}
