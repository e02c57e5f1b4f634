import { connect as connectSocket } from 'node:net'
import { type Engine, EngineUnavailable, memory, systemClock } from 'varve'
import { describe, expect, it } from 'vitest'
import { type ServerFlags, serverConfig } from './config.ts'
import { type RunningServer, type ServerDeps, startServer } from './server.ts'

/** Every route, by its verb and its path. */
const routes = [
  'delete /groups/{group}',
  'delete /groups/{group}/consumers/{consumer}',
  'delete /shelf/{key}',
  'delete /streams/{stream_id}',
  'delete /users/{login}',
  'delete /users/{login}/tokens/{id}',
  'get /checkpoints/{name}',
  'get /events',
  'get /events/{event_id}',
  'get /groups',
  'get /groups/{group}',
  'get /groups/{group}/events',
  'get /groups/{group}/parked',
  'get /groups/{group}/subscribe',
  'get /head',
  'get /health/live',
  'get /health/ready',
  'get /metrics',
  'get /projections',
  'get /projections/{name}',
  'get /projections/{name}/parked',
  'get /shelf',
  'get /shelf/{key}',
  'get /streams',
  'get /streams/{stream_id}',
  'get /streams/{stream_id}/events',
  'get /streams/{stream_id}/metadata',
  'get /subscribe',
  'get /traces/{correlation_id}',
  'get /users',
  'get /users/{login}',
  'get /users/{login}/tokens',
  'patch /groups/{group}',
  'patch /users/{login}',
  'post /events',
  'post /events/query',
  'post /groups/{group}/acks',
  'post /groups/{group}/nacks',
  'post /groups/{group}/parked/discard',
  'post /groups/{group}/parked/replay',
  'post /groups/{group}/start',
  'post /groups/{group}/stop',
  'post /projections/{name}/pause',
  'post /projections/{name}/rebuild',
  'post /projections/{name}/replay',
  'post /projections/{name}/resume',
  'post /projections/{name}/retire',
  'post /projections/{name}/skip',
  'post /projections/{name}/swap',
  'post /streams/{stream_id}/events',
  'post /streams/{stream_id}/tombstone',
  'post /streams/{stream_id}/truncate',
  'post /subscribe',
  'post /users',
  'post /users/{login}/disable',
  'post /users/{login}/enable',
  'post /users/{login}/tokens',
  'put /checkpoints/{name}',
  'put /groups/{group}',
  'put /shelf/{key}',
  'put /streams/{stream_id}/metadata',
  'put /users/{login}/password',
]

describe('the health of a server', () => {
  it('refuses a dependency under a misspelt name, which would be served by another one', async () => {
    const deps = { engin: memory() } as ServerDeps
    const refused = startServer(serverConfig({ store: 'memory:', port: 0 }), deps)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'deps' })
  })

  it('is live and ready while the engine answers', async () => {
    await using server = await started()
    expect(await get(server, '/health/live')).toMatchObject({ status: 200, body: { status: 'live' } })
    expect(await get(server, '/health/ready')).toMatchObject({ status: 200, body: { status: 'ready', head: 0 } })
  })

  it('is live but not ready while the engine is away', async () => {
    const away = async (): Promise<never> => {
      throw new EngineUnavailable('memory', 'it restarts')
    }
    await using server = await started({}, { engine: memoryWith({ head: away }) })
    expect((await get(server, '/health/live')).status).toBe(200)
    expect(await get(server, '/health/ready')).toMatchObject({ status: 503, body: { status: 'unready' } })
    const refused = await get(server, '/head')
    expect(refused).toMatchObject({ status: 503, body: { code: 'ENGINE_UNAVAILABLE', engine: 'memory' } })
    expect(refused.headers.get('retry-after')).toBe('1')
  })

  it('is not ready when the engine hangs', async () => {
    const hasty = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal) }
    const engine = memoryWith({ head: () => new Promise(() => undefined) })
    await using server = await started({}, { engine, clock: hasty })
    expect((await get(server, '/health/ready')).status).toBe(503)
  })
})

describe('a server that shuts down', () => {
  it('answers the appends under way, refuses new requests, then closes the store', async () => {
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const inner = memory()
    const engine = {
      ...inner,
      append: async (batch: Parameters<Engine['append']>[0]) => {
        entered.resolve()
        await gate.promise
        return inner.append(batch)
      },
    }
    const server = await started({}, { engine })
    const underWay = post(server, '/streams/Order-1/events', { events: [{ event_type: 'Placed', data: 1 }] })
    await entered.promise
    const closed = server.close()
    await expect(fetch(`${server.url}/head`)).rejects.toThrow()
    gate.resolve()
    expect((await underWay).status).toBe(201)
    await closed
    await expect(server.store.head()).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await expect(server.close()).resolves.toBeUndefined()
  })

  it('does not wait for ever for a request that never ends', async () => {
    const server = await started({ shutdownTimeoutMs: 20 })
    const socket = connectSocket(Number(new URL(server.url).port), '127.0.0.1')
    const ended = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => undefined)
    socket.write(
      'POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    )
    await expect.poll(async () => (await get(server, '/health/live')).status).toBe(200)
    await server.close()
    await ended
  })
})

describe('a server', () => {
  it('says which address it cannot listen on, and leaves nothing open', async () => {
    await using first = await started()
    const second = started({ port: new URL(first.url).port })
    await expect(second).rejects.toThrow(/EADDRINUSE.*--port/)
  })

  it('lets go of clients that send too slowly', async () => {
    await using server = await started({ requestTimeoutMs: 100 })
    const socket = connectSocket(Number(new URL(server.url).port), '127.0.0.1')
    const heard = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
    socket.write('GET /head HTTP/1.1\r\nhost: loc')
    expect(await heard).toMatch(/^HTTP\/1\.1 408 .*"code":"INVALID_REQUEST"/s)
    socket.destroy()
  })

  it('takes no more connections than it was told', async () => {
    await using server = await started({ connectionsMax: 1 })
    const port = Number(new URL(server.url).port)
    const first = connectSocket(port, '127.0.0.1')
    await new Promise((resolve) => first.once('connect', resolve))
    const second = connectSocket(port, '127.0.0.1')
    second.on('error', () => undefined)
    await new Promise((resolve) => second.once('close', resolve))
    first.destroy()
    // Until the server has heard that the first is gone, this is one too many as well.
    const counted = expect.poll(() => metricsOf(server).catch(() => ''))
    await counted.toMatch(/^varve_connections 1$.*^varve_connections_refused_total [1-9]/ms)
  })

  it('answers to the names of this machine on loopback, and to those it is told', async () => {
    await using local = await started()
    await using named = await started({ allowedHosts: 'events.example' })
    expect((await get(local, '/head', 'localhost')).status).toBe(200)
    expect((await get(local, '/head', 'events.example')).status).toBe(421)
    expect((await get(named, '/head', 'events.example')).status).toBe(200)
  })

  it('counts what it does, in the form of Prometheus', async () => {
    await using server = await started()
    const body = { events: [{ event_type: 'Placed', data: 1 }], expected_version: 'no_stream' }
    await post(server, '/streams/Order-1/events', body)
    await post(server, '/streams/Order-1/events', body)
    const text = await metricsOf(server)
    for (const line of [
      'varve_appends_total{outcome="done"} 1',
      'varve_appends_total{outcome="conflict"} 1',
      'varve_events_appended_total 1',
      'varve_head_position 1',
      'varve_subscriptions 0',
      'varve_http_request_seconds_count{method="POST",route="/streams/:stream_id/events",status="409"} 1',
    ]) {
      expect(text).toContain(line)
    }
    expect(text).toContain('process_cpu_seconds_total')
  })

  it('describes every route it has in OpenAPI 3.1', async () => {
    await using server = await started()
    const { body } = await get(server, '/openapi.json')
    const paths = body.paths as Record<string, Record<string, { summary?: string; responses?: object }>>
    expect(body.openapi).toBe('3.1.0')
    expect(
      Object.entries(paths)
        .flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb} ${path}`))
        .sort(),
    ).toEqual(routes)
    for (const verb of Object.values(paths).flatMap((verbs) => Object.values(verbs))) expect(verb.summary).toBeTruthy()
  })
})

function started(flags: ServerFlags = {}, deps: ServerDeps = {}): Promise<RunningServer> {
  return startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', ...flags }), deps)
}

/** A memory engine of which some calls go wrong. */
function memoryWith(wrong: Partial<Engine>): Engine {
  return { ...memory(), ...wrong }
}

async function get({ url }: RunningServer, path: string, host?: string) {
  if (host !== undefined) return { status: await statusAs(host, url + path), headers: new Headers(), body: {} }
  const answer = await fetch(url + path)
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
}

/** fetch names the host itself. */
function statusAs(host: string, url: string): Promise<number> {
  const { hostname, port, pathname } = new URL(url)
  return new Promise((resolve) => {
    const socket = connectSocket(Number(port), hostname)
    socket.once('data', (data) => {
      resolve(Number(data.toString().split(' ')[1]))
      socket.destroy()
    })
    socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}:${port}\r\n\r\n`)
  })
}

function post({ url }: RunningServer, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function metricsOf({ url }: RunningServer): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}
