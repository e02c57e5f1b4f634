import { systemClock } from 'varve'
import { describe, expect, it } from 'vitest'
import { basic, quickPasswords, type Said, send } from '../../../test/security/requests.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'

const event = { event_type: 'Placed', data: {} }
const condition = { fail_if_match: 'everything' }
const group = { stream: 'Order-1' }

/**
 * Who may do what: the status each caller gets, in this order. `ada` is in no group that the server knows, and nobody has no
 * credentials. The store has the stream `Order-1`, and `Secret-1` for admins only.
 */
const callers = ['admin', 'ops', 'ada', 'nobody'] as const
const table: readonly (readonly [method: string, path: string, body: unknown, ...statuses: number[]])[] = [
  ['GET', '/health/live', undefined, 200, 200, 200, 200],
  ['GET', '/health/ready', undefined, 200, 200, 200, 200],
  ['GET', '/openapi.json', undefined, 200, 200, 200, 200],
  ['GET', '/gossip', undefined, 200, 200, 200, 200],
  ['GET', '/head', undefined, 200, 200, 200, 401],
  ['HEAD', '/head', undefined, 200, 200, 200, 401],
  ['GET', '/metrics', undefined, 200, 200, 200, 401],
  ['POST', '/streams/Order-1/events', { events: [event] }, 201, 201, 201, 401],
  ['POST', '/streams/Secret-1/events', { events: [event] }, 201, 403, 403, 401],
  ['POST', '/streams/$settings/events', { events: [event] }, 201, 403, 403, 401],
  ['POST', '/streams/$$Secret-1/events', { events: [{ event_type: '$metadata', data: {} }] }, 201, 403, 403, 401],
  ['POST', '/streams/Order-2/events', { events: [event], condition }, 409, 403, 403, 401],
  ['POST', '/events', { writes: [{ stream_id: 'Order-1', events: [event] }] }, 201, 201, 201, 401],
  [
    'POST',
    '/events',
    {
      writes: [
        { stream_id: 'Order-1', events: [event] },
        { stream_id: 'Secret-1', events: [], expected_version: 'stream_exists' },
      ],
    },
    201,
    403,
    403,
    401,
  ],
  ['GET', '/streams/Order-1/events', undefined, 200, 200, 200, 401],
  ['GET', '/streams/Secret-1/events', undefined, 200, 403, 403, 401],
  ['GET', '/streams/Secret-1', undefined, 200, 403, 403, 401],
  ['GET', '/streams/$$Secret-1/events', undefined, 200, 403, 403, 401],
  ['GET', '/streams/Secret-1/metadata', undefined, 200, 403, 403, 401],
  ['GET', '/streams/Order-1/metadata', undefined, 200, 200, 200, 401],
  ['PUT', '/streams/Secret-1/metadata', {}, 200, 403, 403, 401],
  ['POST', '/streams/Secret-1/truncate', { before: 1 }, 200, 403, 403, 401],
  ['DELETE', '/streams/Secret-1', undefined, 200, 403, 403, 401],
  ['POST', '/streams/Secret-1/tombstone', undefined, 200, 403, 403, 401],
  ['GET', '/streams', undefined, 200, 403, 403, 401],
  ['GET', '/events', undefined, 200, 403, 403, 401],
  ['GET', '/events?categories=Order', undefined, 200, 403, 403, 401],
  ['POST', '/events/query', {}, 200, 403, 403, 401],
  ['POST', '/events/query', { stream_id: 'Order-1' }, 200, 200, 200, 401],
  ['POST', '/events/query', { stream_id: 'Secret-1' }, 200, 403, 403, 401],
  ['GET', '/traces/x', undefined, 200, 403, 403, 401],
  ['GET', '/subscribe?stream=Secret-1&from=x', undefined, 400, 400, 400, 401],
  ['POST', '/subscribe', { stream: 'Secret-1' }, 0, 403, 403, 401],
  ['GET', '/checkpoints/x', undefined, 200, 403, 403, 401],
  ['PUT', '/checkpoints/x', { position: 1 }, 200, 403, 403, 401],
  ['GET', '/shelf', undefined, 200, 403, 403, 401],
  ['PUT', '/shelf/x', { value: 1 }, 200, 403, 403, 401],
  ['GET', '/projections', undefined, 200, 200, 200, 401],
  ['POST', '/projections/x/pause', undefined, 404, 404, 403, 401],
  ['GET', '/groups', undefined, 200, 200, 200, 401],
  ['PUT', '/groups/mailer', group, 201, 201, 403, 401],
  ['GET', '/groups/mailer', undefined, 404, 404, 404, 401],
  ['GET', '/groups/secrets/events?consumer=a&wait_ms=0', undefined, 200, 403, 403, 401],
  ['POST', '/groups/secrets/acks', { consumer: 'a', delivery_ids: ['1.1'] }, 200, 403, 403, 401],
  ['GET', '/groups/secrets/parked', undefined, 200, 200, 403, 401],
  ['DELETE', '/groups/secrets', undefined, 200, 200, 403, 401],
  ['GET', '/users', undefined, 200, 403, 403, 401],
  ['GET', '/users/ada', undefined, 200, 403, 200, 401],
  ['POST', '/users', { login: 'bob', password: 'bob' }, 201, 403, 403, 401],
  ['PATCH', '/users/ada', { groups: ['$admins'] }, 200, 403, 403, 401],
  ['POST', '/users/ada/disable', undefined, 200, 403, 403, 401],
  ['DELETE', '/users/ada', undefined, 200, 403, 403, 401],
  ['PUT', '/users/ada/password', { new_password: 'x' }, 200, 403, 403, 401],
  ['PUT', '/users/ada/password', { new_password: 'x', current_password: 'ada' }, 200, 403, 200, 401],
  ['PUT', '/users/ada/password', { new_password: 'x', current_password: 'y' }, 403, 403, 403, 401],
  ['GET', '/users/ada/tokens', undefined, 200, 403, 200, 401],
  ['POST', '/users/ada/tokens', { expires_in_seconds: 60 }, 201, 403, 201, 401],
  ['GET', '/nothing', undefined, 404, 404, 404, 404],
]

describe('who may do what over HTTP', () => {
  it.each(callers.map((caller, at) => [caller, at] as const))('is decided for %s', async (caller, at) => {
    const wrong: string[] = []
    let server = await secured()
    for (const [method, path, body, ...statuses] of table) {
      // What keeps on sending has no end to wait for.
      if (statuses[at] === 0) continue
      const { status } = await server.send(caller, method, path, body)
      if (status !== statuses[at]) wrong.push(`${method} ${path} is ${status}, not ${statuses[at]}`)
      if (method === 'GET' || status >= 400) continue
      await server[Symbol.asyncDispose]()
      server = await secured()
    }
    await server[Symbol.asyncDispose]()
    expect(wrong).toEqual([])
  })

  it('covers every route there is', async () => {
    await using server = await secured()
    const { body } = await server.send('admin', 'GET', '/openapi.json')
    expect(Object.keys(body.paths as object).length).toBeGreaterThan(35)
  })
})

describe('a refusal over HTTP', () => {
  it('says how to log in where that would help, and what is missing where not', async () => {
    await using server = await secured()
    const nobody = await server.send('nobody', 'GET', '/events')
    expect(nobody).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED', status: 401 } })
    expect(nobody.headers['www-authenticate']).toBe('Basic realm="varve", charset="UTF-8", Bearer realm="varve"')
    expect(nobody.headers['content-type']).toMatch(/^application\/problem\+json/)
    const ada = await server.send('ada', 'GET', '/events')
    expect(ada).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', detail: expect.stringContaining("user 'ada'") },
    })
    expect(ada.headers['www-authenticate']).toBeUndefined()
  })

  it.each([
    ['Basic'],
    ['Basic !!!'],
    [`Basic ${Buffer.from('nocolon').toString('base64')}`],
    ['Digest username="admin"'],
    [`Bearer ${'x'.repeat(20_000)}`],
    ['Bearer vt.nothing'],
    [basic('admin', 'x'.repeat(2_000))],
    [basic('\u0000', 'x')],
  ])('is 401 for %.30s, also where nothing is needed, and the server lives', async (authorization) => {
    await using server = await secured()
    expect((await server.as({ authorization }, 'GET', '/head')).status).toBe(401)
    expect((await server.as({ authorization }, 'GET', '/health/live')).status).toBe(401)
    expect((await server.send('admin', 'GET', '/head')).status).toBe(200)
  })

  it('is 429 once a password was guessed too often', async () => {
    const now = systemClock.now()
    // Every two seconds another guess is free.
    await using server = await secured({ ...systemClock, now: () => now })
    const guesses = Array.from({ length: 11 }, (_, number) => basic('ada', `${number}`))
    const statuses: number[] = []
    for (const authorization of guesses) statuses.push((await server.as({ authorization }, 'GET', '/head')).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429])
  })
})

describe('the health of a server with logins', () => {
  it('is told to everybody, and how far it is to whoever has logged in', async () => {
    await using server = await secured()
    expect((await server.send('nobody', 'GET', '/health/ready')).body).toEqual({ status: 'ready' })
    expect((await server.send('ada', 'GET', '/health/ready')).body).toMatchObject({ head: 3, projections: [] })
  })
})

describe('a token over HTTP', () => {
  it('is its user, makes no other token, and ends with a revocation', async () => {
    await using server = await secured()
    const made = await server.send('ada', 'POST', '/users/ada/tokens', { expires_in_seconds: 60, note: 'a test' })
    const authorization = `Bearer ${made.body.token}`
    expect((await server.as({ authorization }, 'GET', '/streams/Order-1/events')).status).toBe(200)
    expect((await server.as({ authorization }, 'GET', '/events')).status).toBe(403)
    expect(
      (await server.as({ authorization, body: { expires_in_seconds: 60 } }, 'POST', '/users/ada/tokens')).status,
    ).toBe(403)
    const { body } = await server.send('ada', 'GET', '/users/ada/tokens')
    expect(body.tokens).toMatchObject([{ id: made.body.id, note: 'a test' }])
    expect(JSON.stringify(body)).not.toContain('token"')
    await server.send('ada', 'DELETE', `/users/ada/tokens/${made.body.id}`)
    expect((await server.as({ authorization }, 'GET', '/head')).status).toBe(401)
  })
})

describe('a server that asks nobody', () => {
  it('takes credentials, whatever they are, and has no users', async () => {
    await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    for (const authorization of ['Basic !!!', basic('admin', 'wrong'), 'Bearer x']) {
      expect((await send(server.url, 'GET', '/events', { authorization })).status).toBe(200)
    }
    expect(await send(server.url, 'GET', '/users')).toMatchObject({ status: 200, body: { users: [] } })
    const created = await send(server.url, 'POST', '/users', { body: { login: 'ada', password: 'ada' } })
    expect(created).toMatchObject({ status: 501, body: { code: 'NO_LOGINS' } })
  })
})

/** A server whose users are `admin`, `ops` and `ada`, each with that as password too. */
async function secured(clock = systemClock) {
  const passwords = { adminPassword: 'admin', opsPassword: 'ops' }
  const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', ...passwords })
  const server = await startServer(config, { ...quickPasswords, clock })
  const as = (said: Said, method: string, path: string) => send(server.url, method, path, said)
  const sendAs = (caller: string, method: string, path: string, body?: unknown) =>
    as({ authorization: caller === 'nobody' ? undefined : basic(caller, caller), body }, method, path)
  await sendAs('admin', 'POST', '/users', { login: 'ada', password: 'ada', groups: ['readers'] })
  await sendAs('admin', 'POST', '/streams/Order-1/events', { events: [event] })
  await sendAs('admin', 'POST', '/streams/Secret-1/events', { events: [event] })
  const $acl = Object.fromEntries(['$r', '$w', '$d', '$mr', '$mw'].map((right) => [right, '$admins']))
  await sendAs('admin', 'PUT', '/streams/Secret-1/metadata', { $acl })
  await sendAs('admin', 'PUT', '/groups/secrets', { stream: 'Secret-1' })
  return { send: sendAs, as, [Symbol.asyncDispose]: () => server.close() }
}
