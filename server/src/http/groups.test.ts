import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

let server: RunningServer

beforeEach(async () => {
  server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', heartbeatMs: 20 }))
})
afterEach(() => server.close())

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> & {
    readonly deliveries: readonly {
      readonly delivery_id: string
      readonly attempt: number
      readonly position: number
    }[]
  }
}

async function call(method: string, path: string, body?: object): Promise<Answer> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(server.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

async function withLetters(count: number, settings: object = {}): Promise<void> {
  await call('PUT', '/groups/mailer', settings)
  for (let number = 1; number <= count; number++) {
    await server.store.append('Letter-1', [{ type: 'LetterWritten', data: { number } }])
  }
}

const poll = (consumer: string, query = ''): Promise<Answer> =>
  call('GET', `/groups/mailer/events?consumer=${consumer}${query}`)

describe('consumer groups over HTTP', () => {
  it('are created, changed, stopped, listed and deleted', async () => {
    const created = await call('PUT', '/groups/mailer', { query: { types: ['LetterWritten'] }, retries_max: 3 })
    expect(created).toMatchObject({
      status: 201,
      body: { group: 'mailer', status: 'idle', settings: { retries_max: 3 } },
    })
    expect(await call('PUT', '/groups/mailer', {})).toMatchObject({ status: 409, body: { code: 'GROUP_EXISTS' } })
    const changed = await call('PATCH', '/groups/mailer', { buffer_events: 5 })
    expect(changed.body.settings).toMatchObject({
      buffer_events: 5,
      retries_max: 3,
      filter: { types: ['LetterWritten'] },
    })
    const stopped = await call('POST', '/groups/mailer/stop', { reason: 'maintenance' })
    expect(stopped.body).toMatchObject({ status: 'stopped', stopped: { reason: 'maintenance', position: null } })
    expect((await call('POST', '/groups/mailer/start')).body.status).toBe('idle')
    expect((await call('GET', '/groups?prefix=mail')).body.groups).toMatchObject([{ group: 'mailer' }])
    expect(await call('DELETE', '/groups/mailer')).toMatchObject({ status: 200 })
    expect(await call('GET', '/groups/mailer')).toMatchObject({ status: 404, body: { code: 'GROUP_NOT_FOUND' } })
  })

  it('are counted for monitors while they are there', async () => {
    await withLetters(3)
    await poll('clerk', '&max=1')
    const metrics = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text()
    const counted = await metrics()
    const value = (name: string): string | undefined =>
      new RegExp(`^${name}\\{group="mailer"\\} (.*)$`, 'm').exec(counted)?.[1]
    const names = ['varve_group_in_flight', 'varve_group_lag_events', 'varve_group_consumers', 'varve_group_parked']
    expect(names.map(value)).toEqual(['3', '3', '1', '0'])
    await call('DELETE', '/groups/mailer')
    expect(await metrics()).not.toContain('group="mailer"')
  })

  it('refuse what is no setting', async () => {
    const wrong = await call('PUT', '/groups/mailer', { retries: 3 })
    expect(wrong).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
    const tooMany = await call('PUT', '/groups/mailer', { in_flight_max: 1_000_000 })
    expect(tooMany).toMatchObject({ status: 422, body: { code: 'LIMIT_EXCEEDED', limit: 'groupInFlight' } })
  })
})

describe('consuming over HTTP', () => {
  it('takes events, acknowledges them, and gets the next ones', async () => {
    await withLetters(3)
    const first = await poll('clerk', '&max=2')
    expect(first.body.deliveries).toMatchObject([
      { position: 1, attempt: 1, event: { event_type: 'LetterWritten', data: { number: 1 } } },
      { position: 2 },
    ])
    const ids = first.body.deliveries.map(({ delivery_id }) => delivery_id)
    const said = await call('POST', '/groups/mailer/acks', { consumer: 'clerk', delivery_ids: ids })
    expect(said.body).toEqual({ known: ids, lost: [] })
    expect((await poll('clerk')).body.deliveries.map(({ position }) => position)).toEqual([3])
    expect((await call('GET', '/groups/mailer')).body).toMatchObject({ acked: 2, checkpoint: 2, lag_events: 1 })
  })

  it('waits for an event as long as it is told to', async () => {
    await withLetters(0)
    expect((await poll('clerk', '&wait_ms=10')).body.deliveries).toEqual([])
    const later = poll('clerk')
    await server.store.append('Letter-1', [{ type: 'LetterWritten', data: {} }])
    expect((await later).body.deliveries).toHaveLength(1)
  })

  it('delivers again what could not be handled, and parks it with the reason', async () => {
    await withLetters(1, { retry_delay_ms: 0, retries_max: 1 })
    for (const attempt of [1, 2]) {
      const { deliveries } = (await poll('clerk')).body
      expect(deliveries).toMatchObject([{ attempt }])
      const delivery_ids = deliveries.map(({ delivery_id }) => delivery_id)
      const refusal = { consumer: 'clerk', delivery_ids, action: 'retry', reason: 'no stamps' }
      expect((await call('POST', '/groups/mailer/nacks', refusal)).body.known).toEqual(delivery_ids)
    }
    const parked = await call('GET', '/groups/mailer/parked')
    expect(parked.body.parked).toMatchObject([{ position: 1, reason: 'no stamps', attempts: 2 }])
  })

  it('replays parked events that are as many as expected, and throws others away', async () => {
    await withLetters(2)
    const delivery_ids = (await poll('clerk')).body.deliveries.map(({ delivery_id }) => delivery_id)
    await call('POST', '/groups/mailer/nacks', { consumer: 'clerk', delivery_ids, action: 'park' })
    const wrong = await call('POST', '/groups/mailer/parked/replay', { positions: 'all', expected_count: 7 })
    expect(wrong).toMatchObject({ status: 409, body: { code: 'PARKED_COUNT_DIFFERS', expected: 7, actual: 2 } })
    const some = await call('POST', '/groups/mailer/parked/replay', { positions: [2] })
    expect(some).toMatchObject({ status: 200, body: { count: 1 } })
    expect((await poll('clerk')).body.deliveries).toMatchObject([{ position: 2, attempt: 1 }])
    const others = await call('POST', '/groups/mailer/parked/discard', { positions: 'all', expected_count: 1 })
    expect(others.body.count).toBe(1)
  })

  it('names what is not the consumer’s any more', async () => {
    await withLetters(1, { message_timeout_ms: 20, retry_delay_ms: 0 })
    const late = (await poll('slow')).body.deliveries.map(({ delivery_id }) => delivery_id)
    expect((await poll('slow')).body.deliveries).toMatchObject([{ attempt: 2 }])
    const said = await call('POST', '/groups/mailer/acks', { consumer: 'slow', delivery_ids: late })
    expect(said.body).toEqual({ known: [], lost: late })
    const stranger = await call('POST', '/groups/mailer/acks', { consumer: 'nobody', delivery_ids: ['1.1'] })
    expect(stranger.body).toEqual({ known: [], lost: ['1.1'] })
  })

  it('shares events among consumers, and gives back at once what one has that leaves', async () => {
    await withLetters(2, { buffer_events: 1 })
    const [one, other] = await Promise.all([poll('one'), poll('other')])
    const positions = [one, other].flatMap(({ body }) => body.deliveries.map(({ position }) => position))
    expect(positions.sort()).toEqual([1, 2])
    await call('POST', '/groups/mailer/acks', {
      consumer: 'other',
      delivery_ids: other.body.deliveries.map((d) => d.delivery_id),
    })
    expect((await call('DELETE', '/groups/mailer/consumers/one')).body.count).toBe(1)
    expect((await poll('other')).body.deliveries).toMatchObject([
      { position: one.body.deliveries[0]?.position, attempt: 2 },
    ])
  })

  it('says that the group is stopped, or is not there', async () => {
    await withLetters(1)
    const delivery_ids = (await poll('clerk')).body.deliveries.map(({ delivery_id }) => delivery_id)
    const refusal = { consumer: 'clerk', delivery_ids, action: 'stop', reason: 'no stamps' }
    await call('POST', '/groups/mailer/nacks', refusal)
    expect(await poll('clerk')).toMatchObject({
      status: 409,
      body: { code: 'GROUP_STOPPED', reason: 'no stamps', position: 1 },
    })
    await call('POST', '/groups/mailer/start')
    expect((await poll('clerk')).body.deliveries).toMatchObject([{ position: 1 }])
    const nowhere = await call('GET', '/groups/nobody/events?consumer=clerk')
    expect(nowhere).toMatchObject({ status: 404, body: { code: 'GROUP_NOT_FOUND' } })
  })

  it('streams events to a consumer, and gives back what it has when its connection is gone', async () => {
    await withLetters(2)
    const gone = new AbortController()
    const response = await fetch(`${server.url}/groups/mailer/subscribe?consumer=clerk`, { signal: gone.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const heard = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    for (let text = ''; !text.includes('"position":2'); ) text += (await heard?.read())?.value ?? ''
    const acked = await call('POST', '/groups/mailer/acks', { consumer: 'clerk', delivery_ids: ['1.1'] })
    expect(acked.body.known).toEqual(['1.1'])
    gone.abort()
    await expect.poll(async () => (await call('GET', '/groups/mailer')).body.status).toBe('idle')
    expect((await poll('other')).body.deliveries).toMatchObject([{ position: 2, attempt: 2 }])
  })

  it('gives back what its consumers have when the server shuts down', async () => {
    await withLetters(1)
    await poll('clerk')
    const waiting = poll('other')
    const { store } = server
    const hasBoth = { members: [{ consumers: [{ name: 'clerk' }, { name: 'other' }] }] }
    await expect.poll(async () => (await store.shelf.get('group/mailer'))?.value).toMatchObject(hasBoth)
    let last: unknown
    const { put } = store.shelf
    store.shelf.put = async (key, value, options) => {
      const version = await put(key, value, options)
      last = JSON.parse(JSON.stringify(value))
      return version
    }
    await server.close()
    expect((await waiting).body.deliveries).toEqual([])
    expect(last).toMatchObject({ members: [], unfinished: [[1, 1, 0, null, -1, 0]] })
  })
})
