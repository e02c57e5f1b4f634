import { expect, it } from 'vitest'
import { basic, quickPasswords, send } from '../../../test/security/requests.ts'
import { serverConfig } from '../config.ts'
import { startServer } from '../server.ts'

const quiet = { store: 'memory:', port: 0, logLevel: 'silent' } as const

it('names one node, the leader, at the address by which it was reached, as KurrentDB names its own', async () => {
  await using server = await startServer(serverConfig(quiet))
  await server.store.append('Order-1', [{ type: 'Placed', data: {} }])
  const port = Number(new URL(server.url).port)
  const { status, body } = await send(server.url, 'GET', '/gossip')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    members: [
      {
        instanceId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        timeStamp: expect.stringMatching(/Z$/),
        ...{ state: 'Leader', isAlive: true, httpEndPointIp: '127.0.0.1', httpEndPointPort: port },
        ...{ lastCommitPosition: 1, writerCheckpoint: 1, epochNumber: 0, externalTcpPort: 0 },
      },
    ],
    serverIp: '127.0.0.1',
    serverPort: port,
  })
})

it('tells how far the store is to whoever has logged in, where anybody has to', async () => {
  await using server = await startServer(serverConfig({ ...quiet, adminPassword: 'admin' }), quickPasswords)
  await server.store.append('Order-1', [{ type: 'Placed', data: {} }])
  const told = async (authorization?: string) =>
    (await send(server.url, 'GET', '/gossip', authorization === undefined ? {} : { authorization })).body.members
  expect(await told()).toMatchObject([{ isAlive: true, lastCommitPosition: 0 }])
  expect(await told(basic('admin', 'admin'))).toMatchObject([{ isAlive: true, lastCommitPosition: 1 }])
})
