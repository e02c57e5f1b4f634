import { type EventStore, limits } from 'varve'
import { afterEach, expect, it } from 'vitest'
import { rawClient } from '../../../../test/kurrent/raw-client.ts'
import { serverConfig } from '../../config.ts'
import { startServer } from '../../server.ts'
import { clientProto } from '../proto/client.ts'
import { projectionsProto } from '../proto/projections.ts'
import { messagesOf } from '../protobuf/messages.ts'

// Official clients of Node create projections that never end only: these are for others.

const messages = messagesOf(clientProto, projectionsProto)
const query = 'fromAll().when({ $init: () => ({ n: 0 }), A(s) { s.n++ } }).outputState()'

it('a query that runs once ends where the log ended, under a name of its own', async () => {
  const { call, statistics, store } = await serving()
  await store.append('a', [{ type: 'A', data: {} }])
  expect(await call('Create', 'CreateReq', { oneTime: {}, query })).toMatchObject({ status: 0 })
  await expect.poll(async () => (await statistics({ oneTime: {} })).map(({ status }) => status)).toEqual(['Completed'])
  await store.append('a', [{ type: 'A', data: {} }])
  const [{ name } = { name: '' }] = await statistics({ oneTime: {} })
  expect(await stateOf(call, name)).toEqual({ n: { numberValue: 1 } })
  expect((await store.readStream(`$projections-${name}-result`).toArray()).map(({ data }) => data)).toEqual([{ n: 1 }])
})

it('a transient query leaves nothing in the store, and is asked and deleted under its name', async () => {
  const { call, statistics, store } = await serving()
  await store.append('a', [{ type: 'A', data: {} }])
  await call('Create', 'CreateReq', { transient: { name: 'quick' }, query })
  await expect.poll(async () => (await statistics({ transient: {} }))[0]?.status).toBe('Completed')
  expect(await stateOf(call, 'quick')).toEqual({ n: { numberValue: 1 } })
  expect([await store.head(), (await store.shelf.list({ prefix: 'kurrent-projection' }).toArray()).length]).toEqual([
    1, 0,
  ])
  const again = await call('Create', 'CreateReq', { transient: { name: 'quick' }, query })
  const change = await call('Enable', 'ChangeReq', { name: 'quick' })
  const gone = await call('Delete', 'DeleteReq', { name: 'quick' })
  expect([again.status, change.status, gone.status, (await statistics({ all: {} })).length]).toEqual([6, 9, 0, 4])
})

it('what is no request is told so, and too long a query', async () => {
  const { call } = await serving()
  const long = `fromAll() // ${'x'.repeat(limits.shelfValueBytes)}`
  for (const [method, type, options] of [
    ['Create', 'CreateReq', { query }],
    ['Create', 'CreateReq', { continuous: { name: '' }, query }],
    ['Create', 'CreateReq', { continuous: { name: 'n'.repeat(201) }, query }],
    ['Create', 'CreateReq', { continuous: { name: 'long' }, query: long }],
    ['Create', 'CreateReq', undefined],
    ['Statistics', 'StatisticsReq', {}],
    ['State', 'PartitionReq', undefined],
  ] as const) {
    expect((await call(method, type, options)).status, `${method} ${JSON.stringify(options)?.slice(0, 80)}`).toBe(3)
  }
})

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Details {
  readonly name: string
  readonly status: string
}

async function serving() {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  const client = rawClient(server.url)
  ends.push(async () => {
    client.session.destroy()
    await server.close()
  })
  const call = (method: string, type: string, options?: object) => {
    const message = messages.encoder(`event_store.client.projections.${type}`)(options === undefined ? {} : { options })
    return client.call(`/event_store.client.projections.Projections/${method}`, [message])
  }
  const decode = messages.decoder<{ details: Details }>('event_store.client.projections.StatisticsResp')
  const statistics = async (options: object): Promise<Details[]> =>
    (await call('Statistics', 'StatisticsReq', options)).responses.map((response) => decode(response).details)
  return { call, statistics, store: server.store as EventStore }
}

async function stateOf(call: Awaited<ReturnType<typeof serving>>['call'], name: string): Promise<unknown> {
  const { responses } = await call('State', 'PartitionReq', { name, partition: '' })
  const decode = messages.decoder<{ value: { structValue: { fields: unknown } } }>(
    'event_store.client.projections.ValueResp',
  )
  return decode(responses[0] ?? Buffer.alloc(0)).value.structValue.fields
}
