import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { messagesIn, rawClient } from '../../../test/kurrent/raw-client.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'
import { clientProto } from './proto/client.ts'
import { gossipProto } from './proto/gossip.ts'
import { monitoringProto } from './proto/monitoring.ts'
import { operationsProto } from './proto/operations.ts'
import { serverFeaturesProto } from './proto/server-features.ts'
import { usersProto } from './proto/users.ts'
import { messagesOf } from './protobuf/messages.ts'

const messages = messagesOf(clientProto, gossipProto, monitoringProto, operationsProto, serverFeaturesProto, usersProto)
const nothing = Buffer.alloc(0)

describe('the features of a server', () => {
  it('are its methods, in lower case, and a version that is one', async () => {
    await using served = await serving()
    const { responses } = await served.call('server_features.ServerFeatures/GetSupportedMethods', nothing)
    const decode = messages.decoder<{
      methods: { serviceName: string; methodName: string; features: string[] }[]
      eventStoreServerVersion: string
    }>('event_store.client.server_features.SupportedMethods')
    const { methods, eventStoreServerVersion } = decode(responses[0] ?? nothing)
    expect(eventStoreServerVersion).toMatch(/^\d+\.\d+\.\d+$/)
    const paths = methods.map(({ serviceName, methodName }) => `${serviceName}/${methodName}`)
    expect(paths.map((path) => path.toLowerCase())).toEqual(paths)
    expect(paths).toContain('event_store.client.streams.streams/batchappend')
    expect(paths).not.toContain('event_store.client.operations.operations/startscavenge')
    for (const path of paths.filter((one) => one.includes('stream'))) {
      expect((await served.client.call(`/${path}`, [])).status, `${path} has other letters than listed`).toBe(12)
    }
  })
})

describe('gossip', () => {
  it('names one node, the leader, at the address by which it was reached', async () => {
    await using served = await serving()
    const decode = messages.decoder<{ members: object[] }>('event_store.client.gossip.ClusterInfo')
    const { port } = new URL(served.url)
    for (const [authority, endPoint] of [
      [`127.0.0.1:${port}`, { address: '127.0.0.1', port: Number(port) }],
      ['[::1]:2113', { address: '::1', port: 2_113 }],
      ['events.example', { address: 'events.example', port: 80 }],
    ] as const) {
      const headers = { ':authority': authority }
      const { responses } = await served.client.call('/event_store.client.gossip.Gossip/Read', [nothing], headers)
      const { members } = decode(responses[0] ?? nothing)
      expect(members).toMatchObject([{ state: 8, isAlive: true, httpEndPoint: endPoint }])
    }
  })
})

describe('monitoring', () => {
  it('counts again and again, until the client leaves or the server does', async () => {
    const served = await serving()
    const stream = served.client.open('/event_store.client.monitoring.Monitoring/Stats')
    const request = messages.encoder('event_store.client.monitoring.StatsReq')({ refreshTimePeriodInMs: 1 })
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]))
    const counts: Buffer[] = []
    stream.on('data', (chunk: Buffer) => counts.push(...messagesIn(chunk)))
    await expect.poll(() => counts.length).toBeGreaterThan(2)
    const decode = messages.decoder<{ stats: Record<string, string> }>('event_store.client.monitoring.StatsResp')
    expect(decode(counts[0] ?? nothing).stats).toMatchObject({ 'proc-id': String(process.pid) })
    const ended = once(stream, 'close')
    await served[Symbol.asyncDispose]()
    await ended
  })
})

describe('operations', () => {
  it('are refused where there is nothing to do, and say why', async () => {
    await using served = await serving()
    for (const method of ['StartScavenge', 'MergeIndexes', 'ResignNode', 'SetNodePriority', 'Shutdown']) {
      const { status, message } = await served.call(`operations.Operations/${method}`, nothing)
      expect(status).toBe(12)
      expect(message).not.toContain('no method')
    }
    const request = messages.encoder('event_store.client.operations.StopScavengeReq')({ options: { scavengeId: 'a' } })
    const stopped = await served.call('operations.Operations/StopScavenge', Buffer.from(request))
    expect({ status: stopped.status, ...stopped.trailers }).toMatchObject({
      status: 5,
      exception: 'scavenge-not-found',
      'scavenge-id': 'a',
    })
  })
})

describe('users', () => {
  it('are none, whoever asks, since nobody has to log in', async () => {
    await using served = await serving()
    expect(await served.call('users.Users/Details', nothing)).toMatchObject({ status: 0, responses: [] })
    const request = messages.encoder('event_store.client.users.UserReq')({ options: { loginName: 'admin' } })
    const { status, trailers } = await served.call('users.Users/Details', Buffer.from(request))
    expect({ status, ...trailers }).toMatchObject({ status: 5, exception: 'user-not-found', 'login-name': 'admin' })
  })
})

async function serving() {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  const client = rawClient(server.url)
  return {
    url: server.url,
    client,
    call: (method: string, message: Buffer) => client.call(`/event_store.client.${method}`, [message]),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      client.session.destroy()
    },
  }
}
