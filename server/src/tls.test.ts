import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { certificates } from '../../test/security/certificates.ts'
import { basic, quickPasswords, send } from '../../test/security/requests.ts'
import { type ServerFlags, serverConfig } from './config.ts'
import { startServer } from './server.ts'

const files = certificates()
const folder = mkdtempSync(join(tmpdir(), 'varve-tls-'))
afterAll(() => {
  files.remove()
  rmSync(folder, { recursive: true })
})
const authorization = basic('admin', 'changeit')

describe('a server with a certificate', () => {
  it('speaks HTTP/1.1 and HTTP/2 under TLS, each to whoever asks for it', async () => {
    await using server = await secured()
    expect(server.url).toMatch(/^https:/)
    expect(await send(server.url, 'GET', '/head', { ca: files.ca, authorization })).toMatchObject({ body: { head: 0 } })
    const session = connectHttp2(server.url, { ca: readFileSync(files.ca) })
    const request = session.request({ ':path': '/head', authorization })
    const [headers] = await once(request, 'response')
    expect({ status: headers[':status'], body: JSON.parse(await text(request)) }).toMatchObject({
      status: 200,
      body: { head: 0 },
    })
    session.destroy()
  })

  it('takes what is sent by HTTP/2 like everything else: bodies, streams without an end, refusals', async () => {
    await using server = await secured()
    const session = connectHttp2(server.url, { ca: readFileSync(files.ca) })
    const append = session.request({
      ':method': 'POST',
      ':path': '/streams/Order-1/events',
      authorization,
      'content-type': 'application/json',
    })
    append.end(JSON.stringify({ events: [{ event_type: 'Placed', data: {} }] }))
    expect((await once(append, 'response'))[0][':status']).toBe(201)
    const follow = session.request({ ':path': '/subscribe', authorization })
    follow.setEncoding('utf8')
    let heard = ''
    follow.on('data', (chunk: string) => {
      heard += chunk
    })
    await expect.poll(() => heard).toContain('event: caught_up')
    follow.close()
    const refused = session.request({ ':path': '/events' })
    expect((await once(refused, 'response'))[0][':status']).toBe(401)
    expect(JSON.parse(await text(refused))).toMatchObject({ code: 'UNAUTHENTICATED' })
    session.destroy()
  })

  it('ends although a client of HTTP/2 does not read its answer', async () => {
    const server = await secured({ shutdownTimeoutMs: 50 })
    const session = connectHttp2(server.url, { ca: readFileSync(files.ca) })
    await once(session.request({ ':path': '/events' }), 'response')
    await server.close()
    session.destroy()
  })

  it('says nothing to whoever speaks without TLS, or with what is too old, and lives', async () => {
    await using server = await secured()
    const port = Number(new URL(server.url).port)
    const plain = connectSocket(port, '127.0.0.1')
    plain.on('error', () => undefined)
    plain.write('GET /head HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await once(plain, 'close')
    const old = connectTls({
      port,
      host: '127.0.0.1',
      ca: readFileSync(files.ca),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    })
    await once(old, 'error')
    expect((await send(server.url, 'GET', '/health/live', { ca: files.ca })).status).toBe(200)
  })

  it('is not trusted by whoever does not know its authority', async () => {
    await using server = await secured()
    await expect(send(server.url, 'GET', '/health/live')).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })

  it('has another certificate for new connections once it reads the files again, and keeps the old one until then', async () => {
    await using server = await secured()
    const before = await serialOf(server.url)
    files.renew()
    expect(await serialOf(server.url)).toBe(before)
    server.reloadCertificate()
    const after = await serialOf(server.url)
    expect(after).not.toBe(before)
    const good = readFileSync(files.key)
    writeFileSync(files.key, 'no key')
    expect(() => server.reloadCertificate()).toThrow(/^--cert and --key cannot be used/)
    writeFileSync(files.key, good)
    expect(await serialOf(server.url)).toBe(after)
  })

  it.each([
    [{ cert: 'missing.crt', key: 'missing.key' }, /^--cert is missing\.crt, which cannot be read \(ENOENT\)/],
    [{ cert: files.cert, key: files.cert }, /^--cert and --key cannot be used/],
  ])('does not start with %j', async (flags, says) => {
    await expect(secured(flags)).rejects.toThrow(says)
  })
})

describe('logins', () => {
  it('are asked for wherever the store has users, whatever flags were forgotten, and not when told --insecure', async () => {
    const store = `sqlite:${join(folder, 'users.db')}`
    const first = await startServer(serverConfig({ ...quiet, store, adminPassword: 'changeit' }), quickPasswords)
    await first.close()
    await using again = await startServer(serverConfig({ ...quiet, store }), quickPasswords)
    expect(again).toMatchObject({ asksForLogin: true, firstPassword: undefined })
    expect((await send(again.url, 'GET', '/head')).status).toBe(401)
    expect((await send(again.url, 'GET', '/head', { authorization })).status).toBe(200)
    await using open = await startServer(serverConfig({ ...quiet, store, insecure: true }), quickPasswords)
    expect((await send(open.url, 'GET', '/head')).status).toBe(200)
    expect((await send(open.url, 'GET', '/shelf')).body).toEqual({ items: [] })
  })

  it('begin with an admin whose password is made up, and an ops who cannot log in', async () => {
    await using server = await secured({ adminPassword: undefined })
    const made = basic('admin', server.firstPassword ?? '')
    const { body } = await send(server.url, 'GET', '/users', { ca: files.ca, authorization: made })
    expect(body.users).toMatchObject([
      { login: 'admin', groups: ['$admins'], disabled: false },
      { login: 'ops', groups: ['$ops'], disabled: true },
    ])
  })

  it('begin with a password that a file has, without its line break', async () => {
    const file = join(folder, 'password.txt')
    writeFileSync(file, 'changeit\n')
    await using server = await secured({ adminPassword: undefined, adminPasswordFile: file })
    expect(server.firstPassword).toBeUndefined()
    expect((await send(server.url, 'GET', '/head', { ca: files.ca, authorization })).status).toBe(200)
  })
})

const quiet = { port: 0, logLevel: 'silent' } as const

function secured(flags: ServerFlags = {}) {
  const { cert, key } = files
  const given = { store: 'memory:', ...quiet, cert, key, adminPassword: 'changeit', ...flags }
  return startServer(serverConfig(given), quickPasswords)
}

async function serialOf(url: string): Promise<string> {
  const { port } = new URL(url)
  const socket: TLSSocket = connectTls({ port: Number(port), host: '127.0.0.1', ca: readFileSync(files.ca) })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}
