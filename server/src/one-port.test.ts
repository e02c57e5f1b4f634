import { once } from 'node:events'
import { connect as openSocket, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { rawClient } from '../../test/kurrent/raw-client.ts'
import { type ServerFlags, serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

const features = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'
const running: RunningServer[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

it('speaks HTTP/1.1 and gRPC at the same address', async () => {
  const { url } = await started()
  await using client = rawClient(url)
  expect((await client.call(features, [Buffer.alloc(0)])).status).toBe(0)
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})

it('tells the protocols apart however the first octets come', async () => {
  const { url } = await started()
  for (const head of ['GET /health/live HTTP/1.1\r\n', 'POST /health/live HTTP/1.1\r\n', 'PUT / HTTP/1.1\r\n']) {
    const socket = socketTo(url)
    socket.setNoDelay(true)
    for (const octet of head.slice(0, 4)) await new Promise<void>((sent) => socket.write(octet, () => sent()))
    socket.write(`${head.slice(4)}host: localhost\r\nconnection: close\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 /)
    socket.destroy()
  }
})

it('lets go of a connection that says nothing', async () => {
  const { url } = await started({ requestTimeoutMs: 100 })
  for (const said of ['', 'PR']) {
    const socket = socketTo(url)
    if (said !== '') socket.write(said)
    await once(socket, 'close')
  }
})

it('is not disturbed by connections that end before they say anything whole', async () => {
  const { url } = await started()
  for (const said of ['', 'P', 'PR', 'PRI', 'PRI * HTTP/2.0\r\n\r\n']) {
    const socket = socketTo(url)
    if (said === '') socket.end()
    else socket.end(said)
    await once(socket, 'close')
  }
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})

it('counts the connections of both protocols against one bound', async () => {
  const { url } = await started({ connectionsMax: 1 })
  await using client = rawClient(url)
  await client.call(features, [Buffer.alloc(0)])
  await once(socketTo(url), 'close')
})

it('ends idle connections of both protocols, and undecided ones, when it shuts down', async () => {
  const server = await started()
  await using client = rawClient(server.url)
  await client.call(features, [Buffer.alloc(0)])
  const undecided = socketTo(server.url)
  await once(undecided, 'connect')
  const ended = Promise.all([once(client.session, 'close'), once(undecided, 'close')])
  await server.close()
  await ended
})

async function started(flags: ServerFlags = {}): Promise<RunningServer> {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', ...flags }))
  running.push(server)
  return server
}

function socketTo(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = openSocket(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.resume()
  return socket
}
