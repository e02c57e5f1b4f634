import { connect as connectSocket } from 'node:net'
import { type Clock, type Engine, memory, systemClock } from 'varve'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newTarget, receive, type Started, starting, stocked, stockOf, until } from '../../../test/projections/stock.ts'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Readonly<Record<string, unknown>>
}

let server: RunningServer
/** Looks at the shelf so far. */
let looks = 0
/** Those who wait for time to pass in the server now. */
let sleeping = 0

beforeEach(async () => {
  const engine = memory()
  const list: Engine['shelf']['list'] = (query) => {
    looks++
    return engine.shelf.list(query)
  }
  const sleep: Clock['sleep'] = async (ms, signal) => {
    sleeping++
    await systemClock.sleep(ms, signal)
    sleeping--
  }
  const deps = { engine: { ...engine, shelf: { ...engine.shelf, list } }, clock: { ...systemClock, sleep } }
  const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', userProjectionsMax: 0 })
  server = await startServer(config, deps)
})
const start = starting()
afterEach(() => server.close())

const startStock = (given: Partial<Parameters<typeof stockOf>[0]> = {}): Started =>
  start(server.store, stockOf({ target: newTarget(), ...given }))

describe('projections over HTTP', () => {
  it('are listed with everything that is known of them', async () => {
    const running = startStock({ partitions: 2 })
    await running.waitFor('stock', await receive(server.store, 'tea', 'mug'))
    // What is known here is told the others a little later.
    await until(async () => {
      const { state, position } = (await get('/projections/stock')).body
      return state === 'live' && position === 2
    })
    const { status, body } = await get('/projections')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      projections: [
        {
          ...{ name: 'stock', state: 'live', wanted: 'running', published: 1, position: 2, lag_events: 0, lag_ms: 0 },
          generations: [{ generation: 1, version: 1, role: 'published', progress: null, parked: 0 }],
        },
      ],
    })
    expect((await get('/projections/stock')).body.generations).toMatchObject([
      {
        partitions: [1, 2].map((partition) => ({
          ...{ partition, state: 'live', owner: running.instance, epoch: 1, position: 2, failure: null },
          counts: { retries: 0, skipped: 0 },
        })),
      },
    ])
  })

  it('that never ran are not found', async () => {
    for (const path of ['/projections/none', '/projections/none?wait=1', '/projections/none/parked']) {
      expect(await get(path)).toMatchObject({ status: 404, body: { code: 'NO_SUCH_PROJECTION', projection: 'none' } })
    }
    for (const verb of ['pause', 'resume', 'rebuild']) {
      expect(await post(`/projections/none/${verb}`)).toMatchObject({ status: 404 })
    }
  })

  it('pause and resume in all instances', async () => {
    const target = newTarget()
    const running = startStock({ target })
    await running.waitFor('stock', await receive(server.store, 'tea'))
    expect(await post('/projections/stock/pause')).toMatchObject({ status: 202, body: { wanted: 'paused' } })
    await until(async () => JSON.stringify((await get('/projections/stock')).body).includes('"owner":null'))
    const position = await receive(server.store, 'tea')
    expect((await get(`/projections/stock?wait=${position}&timeout_ms=0`)).status).toBe(504)
    expect(await post('/projections/stock/resume')).toMatchObject({ status: 202, body: { wanted: 'running' } })
    expect((await get(`/projections/stock?wait=${position}`)).status).toBe(200)
    expect(stocked(target)).toEqual({ tea: 2 })
  })

  it('are built anew, swapped back, and retired', async () => {
    const running = startStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    expect(await post('/projections/stock/rebuild')).toMatchObject({
      status: 202,
      body: { name: 'stock', generation: 2 },
    })
    await until(async () => (await get('/projections/stock')).body.published === 2)
    expect(await post('/projections/stock/retire', { generation: 2 })).toMatchObject({
      status: 409,
      body: { code: 'PROJECTION_BUSY', retryable: true },
    })
    expect((await post('/projections/stock/swap', { generation: 1 })).status).toBe(202)
    await until(async () => (await get('/projections/stock')).body.published === 1)
    expect((await post('/projections/stock/retire', { generation: 2 })).body.generations).toMatchObject([
      { generation: 1, role: 'published' },
      { generation: 2, role: 'retired' },
    ])
    expect((await post('/projections/stock/swap', { generation: 7 })).status).toBe(404)
  })

  it('show what they have parked, page by page or as lines, and replay it', async () => {
    const poison = new Set(['bad'])
    const running = startStock({ poison, onFailure: () => 'park_event' })
    await running.waitFor('stock', await receive(server.store, 'bad', 'tea', 'bad', 'bad'))
    const first = await get('/projections/stock/parked?limit=2')
    expect(first.body).toMatchObject({ parked: [{ position: 1 }, { position: 3 }], next: 4, end: false })
    expect((await get('/projections/stock/parked?limit=2&from=4')).body).toMatchObject({
      parked: [{ position: 4, event_type: 'Received', stream_id: 'Stock-bad', code: 'RangeError', attempts: 1 }],
      ...{ next: 5, end: true },
    })
    const headers = { accept: 'application/x-ndjson' }
    const lines = (await (await fetch(`${server.url}/projections/stock/parked`, { headers })).text()).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).position)).toEqual([1, 3, 4])
    poison.clear()
    const refused = await post('/projections/stock/replay', { positions: 'all', expected_count: 2 })
    expect(refused).toMatchObject({ status: 409, body: { code: 'PARKED_COUNT_DIFFERS', expected: 2, actual: 3 } })
    const replayed = await post('/projections/stock/replay', { positions: [1, 4], expected_count: 2 })
    expect(replayed).toMatchObject({ status: 202, body: { name: 'stock', replaying: 2 } })
    await until(async () => (await get('/projections/stock')).body.parked === 1)
  })

  it('tell why they stopped, and pass over that event when told to', async () => {
    const running = startStock({ poison: new Set(['bad']) })
    await running.waitFor('stock', await receive(server.store, 'tea'))
    const position = await receive(server.store, 'bad', 'mug')
    await until(async () => (await get('/projections/stock')).body.state === 'failed')
    expect((await get('/projections/stock')).body.generations).toMatchObject([
      {
        partitions: [
          { failure: { code: 'PROJECTION_FAILED', event: { position: 2, stream_id: 'Stock-bad' } }, position: 1 },
        ],
      },
    ])
    expect(await get(`/projections/stock?wait=${position}`)).toMatchObject({
      ...{ status: 409, type: 'application/problem+json' },
      body: {
        ...{ code: 'PROJECTION_STOPPED', retryable: false, projection: 'stock', position, actual: 1 },
        ...{ failure_code: 'PROJECTION_FAILED', reason: 'no shelf for bad', event: { position: 2 } },
      },
    })
    expect(await post('/projections/stock/skip', { position: 1 })).toMatchObject({ status: 409 })
    expect((await post('/projections/stock/skip', { position: 2 })).status).toBe(202)
    expect((await get(`/projections/stock?wait=${position}`)).body).toMatchObject({ position })
  })
})

describe('a wait for a read model', () => {
  it('ends when it is there, for however many wait, who look together', async () => {
    const running = startStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    await running.stop()
    const position = await receive(server.store, 'mug')
    looks = 0
    const waits = Array.from({ length: 50 }, () => get(`/projections/stock?wait=${position}`))
    await until(() => looks >= 10)
    expect(looks).toBeLessThan(50)
    startStock()
    for (const { status, body } of await Promise.all(waits)) expect([status, body.position]).toEqual([200, position])
  })

  it('times out with where the read model is', async () => {
    const running = startStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    expect(await get('/projections/stock?wait=9&timeout_ms=20')).toMatchObject({
      ...{ status: 504, type: 'application/problem+json' },
      body: { code: 'WAIT_TIMED_OUT', retryable: true, projection: 'stock', position: 9, actual: 1 },
    })
  })

  it('ends with its connection', async () => {
    const running = startStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    await running.stop()
    await until(() => sleeping === 0)
    const socket = connectSocket(Number(new URL(server.url).port), '127.0.0.1')
    socket.write('GET /projections/stock?wait=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(() => sleeping > 0)
    socket.destroy()
    await until(() => sleeping === 0)
  })

  it('ends when the server shuts down', async () => {
    const running = startStock()
    await running.waitFor('stock', await receive(server.store, 'tea'))
    const waiting = get('/projections/stock?wait=1000')
    looks = 0
    await until(() => looks > 2)
    await running.stop()
    await server.close()
    expect(await waiting).toMatchObject({ status: 503, body: { code: 'CLOSING' } })
  })
})

describe('a request about projections', () => {
  it.each<[string, object | undefined, RegExp]>([
    ['GET /projections/stock?timeout_ms=5', undefined, /timeout_ms goes together with wait/],
    ['GET /projections/stock?wait=-1', undefined, /wait/],
    ['GET /projections/stock?wait=1&timeout_ms=300001', undefined, /timeout_ms is more than 300000/],
    ['GET /projections/stock/parked?generation=0', undefined, /generation is less than 1/],
    ['POST /projections/stock/pause', { now: true }, /body is not taken/],
    ['POST /projections/stock/swap', {}, /generation is missing/],
    ['POST /projections/stock/replay', { positions: 'all' }, /expected_count is missing/],
    [
      'POST /projections/stock/replay',
      { positions: 'some', expected_count: 1 },
      /positions is not a list of positions/,
    ],
    ['POST /projections/stock/skip', { position: 1, at: 2 }, /unknown field "at"/],
  ])('is refused: %s %j', async (route, body, says) => {
    const [method = '', path = ''] = route.split(' ')
    const answer = method === 'GET' ? await get(path) : await post(path, body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } })
    expect(answer.body.detail).toMatch(says)
  })
})

async function get(path: string): Promise<Answer> {
  return answerOf(await fetch(server.url + path))
}

async function post(path: string, body?: object): Promise<Answer> {
  const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return answerOf(await fetch(server.url + path, { method: 'POST', ...(body !== undefined && json) }))
}

async function answerOf(answer: Response): Promise<Answer> {
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  return { status: answer.status, type, body: (await answer.json()) as Answer['body'] }
}
