import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits } from 'varve'
import { afterEach, expect, it } from 'vitest'
import { basic, quickPasswords, send } from '../../../test/security/requests.ts'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const unauthenticated = /event: error\ndata: .*"status":401,.*"UNAUTHENTICATED"/
const forbidden = /event: error\ndata: .*"status":403,.*"FORBIDDEN"/

it('a token that is revoked ends what was opened with it, although nothing happens there', async () => {
  const server = await secured()
  const { authorization, revoke } = await tokenOf(server)
  const open = (path: string) => opened(server, path, authorization)
  const [subscription, deliveries] = [await open('/subscribe?stream=Order-1'), await open(consuming('a', 'subscribe'))]
  await subscription.until('caught_up')
  await deliveries.until('the consumer has joined')
  const waiting = send(server.url, 'GET', consuming('b', 'events'), { authorization })
  await expect.poll(async () => (await server.store.shelf.list().toArray()).length).toBeGreaterThan(0)
  await revoke()
  expect(await subscription.ended).toMatch(unauthenticated)
  expect(await deliveries.ended).toMatch(unauthenticated)
  expect(await waiting).toMatchObject({ status: 401 })
})

it('a right that is withdrawn ends what was opened with it, and what nobody takes', async () => {
  const server = await secured()
  const large = { event_type: 'Large', data: 'x'.repeat(limits.eventBytes / 2) }
  for (let count = 0; count < 40; count++) await asAdmin(server, 'POST', '/streams/Order-1/events', { events: [large] })
  const [ada, lines] = [basic('ada', 'ada'), { accept: 'application/x-ndjson' }]
  const subscription = await opened(server, '/subscribe?stream=Order-1&from=end', ada)
  const stalled = [
    await opened(server, '/streams/Order-1/events', ada, { headers: lines, isTaken: false }),
    await opened(server, '/subscribe?stream=Order-1', ada, { isTaken: false }),
  ]
  for (const one of stalled) await one.stalls()
  await asAdmin(server, 'PUT', '/streams/Order-1/metadata', { $acl: { $r: '$admins' } })
  expect(await subscription.ended).toMatch(forbidden)
  for (const one of stalled) {
    one.take()
    const text = await one.ended
    // Twenty million bytes would have come; the sockets hold a few.
    expect(text.length).toBeLessThan(limits.eventBytes * 15)
    // Cut off, or told why where it had taken everything that was sent when it was asked again.
    if (one.isComplete()) expect(text).toMatch(forbidden)
  }
})

it('what was opened on another server over the store ends there within seconds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-withdrawn-'))
  closing.push(() => rmSync(folder, { recursive: true }))
  const store = `sqlite:${join(folder, 'store.db')}`
  const [one, other] = [await secured(store), await secured(store)]
  const { authorization, revoke } = await tokenOf(one)
  const subscription = await opened(other, '/subscribe?stream=Order-1', authorization)
  await subscription.until('caught_up')
  await revoke()
  expect(await subscription.ended).toMatch(unauthenticated)
})

const consuming = (consumer: string, how: string): string => `/groups/mailer/${how}?consumer=${consumer}`

/** A server with the users `admin` and `ada`, whose passwords are their names, and a group on an empty stream. */
async function secured(store = 'memory:'): Promise<RunningServer> {
  const config = serverConfig({ store, port: 0, logLevel: 'silent', adminPassword: 'admin', shutdownTimeoutMs: 500 })
  const server = await startServer(config, quickPasswords)
  closing.push(() => server.close())
  await asAdmin(server, 'POST', '/users', { login: 'ada', password: 'ada' })
  await asAdmin(server, 'PUT', '/groups/mailer', { stream: 'Order-1' })
  return server
}

function asAdmin({ url }: RunningServer, method: string, path: string, body?: unknown) {
  return send(url, method, path, { body, authorization: basic('admin', 'admin') })
}

async function tokenOf(server: RunningServer) {
  const { body } = await asAdmin(server, 'POST', '/users/ada/tokens', { expires_in_seconds: 60 })
  return {
    authorization: `Bearer ${body.token}`,
    revoke: () => asAdmin(server, 'DELETE', `/users/ada/tokens/${body.id}`),
  }
}

/** An answer that goes on. */
interface Opened {
  until(text: string): Promise<unknown>
  /** Everything that was heard, once the other side has ended it. */
  readonly ended: Promise<string>
  readonly isComplete: () => boolean
  /** Waits until nothing comes any more to whoever takes nothing. */
  stalls(): Promise<unknown>
  take(): void
}

function opened(
  { url }: RunningServer,
  path: string,
  authorization: string,
  { headers = {}, isTaken = true }: { readonly headers?: object; readonly isTaken?: boolean } = {},
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const asked = request(url + path, { headers: { authorization, ...headers }, agent: false }, (response) =>
      resolve(heard(response, isTaken)),
    )
    closing.push(() => asked.destroy())
    asked.on('error', reject)
    asked.end()
  })
}

function heard(response: IncomingMessage, isTaken: boolean): Opened {
  let text = ''
  const take = (): void => void response.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<string>((resolve) => response.once('close', () => resolve(text)))
  response.on('error', () => undefined)
  if (isTaken) take()
  let seenBytes = 0
  const isStalled = (): boolean => {
    const before = seenBytes
    seenBytes = response.socket.bytesRead
    return seenBytes > 0 && seenBytes === before
  }
  return {
    stalls: () => expect.poll(isStalled, { interval: 100 }).toBe(true),
    until: (wanted) => expect.poll(() => text).toContain(wanted),
    ended,
    isComplete: () => response.complete,
    take,
  }
}
