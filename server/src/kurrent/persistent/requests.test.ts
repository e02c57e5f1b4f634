import { expect, it } from 'vitest'
import {
  persistent,
  persistentMessage,
  persistentSaid,
  someSettings,
  streamIdentifier,
} from '../../../../test/kurrent/persistent-messages.ts'
import { answerOf, frame, type RawAnswer, rawClient } from '../../../../test/kurrent/raw-client.ts'
import { serverConfig } from '../../config.ts'
import { startServer } from '../../server.ts'

const order = { streamIdentifier: streamIdentifier('Order-1'), groupName: 'group' }
const inString = { uuidOption: { string: {} }, bufferSize: 10 }

/** A server with events in one stream, and a client that can say anything. */
async function served() {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  await server.store.append('Order-1', [
    { type: 'Placed', data: {} },
    { type: 'Paid', data: {} },
  ])
  const client = rawClient(server.url)
  const call = (method: string, name: string, message: object): Promise<RawAnswer> =>
    client.call(`${persistent}/${method}`, [persistentMessage(name, message)])
  const close = async (): Promise<void> => {
    await client[Symbol.asyncDispose]()
    await server.close()
  }
  return { server, client, call, [Symbol.asyncDispose]: close }
}

function read(client: ReturnType<typeof rawClient>, ...messages: readonly object[]): Promise<RawAnswer> {
  const stream = client.open(`${persistent}/Read`)
  const answer = answerOf(stream)
  stream.end(Buffer.concat(messages.map((message) => frame(persistentMessage('ReadReq', message)))))
  return answer
}

it('takes times in ticks, the beginning in the newer form, and strategies by their numbers', async () => {
  await using it = await served()
  const ticks = { messageTimeoutMs: undefined, messageTimeoutTicks: 70_000_000, checkpointAfterTicks: 10_000_000 }
  const settings = { ...someSettings, checkpointAfterMs: undefined, ...ticks, namedConsumerStrategy: 2 }
  const stream = { streamIdentifier: streamIdentifier('Order-1'), revision: 1 }
  const created = await it.call('Create', 'CreateReq', { options: { stream, groupName: 'group', settings } })
  expect(created.status).toBe(0)
  const { responses } = await it.call('GetInfo', 'GetInfoReq', { options: order })
  expect(persistentSaid('GetInfoResp', responses[0] as Buffer)).toMatchObject({
    subscriptionInfo: {
      startFrom: '1',
      messageTimeoutMilliseconds: 7_000,
      checkPointAfterMilliseconds: 1_000,
      namedConsumerStrategy: 'Pinned',
    },
  })
})

it('refuses settings that cannot be, and says which', async () => {
  await using it = await served()
  const wrong = [
    { consumerStrategy: 'Fair' },
    { namedConsumerStrategy: 9 },
    { maxRetryCount: -1 },
    { liveBufferSize: -5 },
    { readBatchSize: 20 },
  ]
  for (const change of wrong) {
    const options = { ...order, settings: { ...someSettings, ...change } }
    const { status, trailers } = await it.call('Create', 'CreateReq', { options })
    expect([status, trailers.exception]).toEqual([13, 'persistent-subscription-failed'])
    expect(String(trailers.reason)).toMatch(/does not exist|below 0|must be less than historyBufferSize/)
  }
})

it.each([
  ['no options', 'Create', 'CreateReq', {}],
  ['no settings', 'Create', 'CreateReq', { options: order }],
  ['no group', 'Create', 'CreateReq', { options: { ...order, groupName: '', settings: someSettings } }],
  ['no stream', 'Create', 'CreateReq', { options: { groupName: 'group', settings: someSettings } }],
  ['$all as a stream', 'GetInfo', 'GetInfoReq', { options: { ...order, streamIdentifier: streamIdentifier('$all') } }],
  [
    'a filter of nothing',
    'Create',
    'CreateReq',
    { options: { all: { filter: {} }, groupName: 'g', settings: someSettings } },
  ],
  [
    'a pattern that is none',
    'Create',
    'CreateReq',
    { options: { all: { filter: { eventType: { regex: '(' } } }, groupName: 'g', settings: someSettings } },
  ],
  ['no choice', 'List', 'ListReq', { options: {} }],
])('refuses a request with %s', async (_, method, name, message) => {
  await using it = await served()
  expect((await it.call(method, name, message)).status).toBe(3)
})

it('refuses a reader whose first message has no options, or whose later one has some', async () => {
  await using it = await served()
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  expect((await read(it.client, { ack: { ids: [] } })).status).toBe(3)
  const options = { options: { ...order, ...inString } }
  expect((await read(it.client, options, options)).status).toBe(3)
  expect((await read(it.client)).status).toBe(3)
})

it('gives ids as numbers where they are wanted so, and ends well when the reader has said its last word', async () => {
  await using it = await served()
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  const stream = it.client.open(`${persistent}/Read`)
  const answer = answerOf(stream)
  const options = { options: { ...order, bufferSize: 2, uuidOption: { structured: {} } } }
  stream.write(frame(persistentMessage('ReadReq', options)))
  await expect.poll(async () => (await infoOf(it)).totalInFlightMessages).toBe(2)
  stream.end()
  const { status, responses } = await answer
  const [confirmed, first] = responses.map((response) => persistentSaid('ReadResp', response))
  expect(status).toBe(0)
  expect(confirmed).toMatchObject({ subscriptionConfirmation: { subscriptionId: 'Order-1::group' } })
  expect(first).toMatchObject({ event: { event: { id: { structured: {} } }, commitPosition: 1, retryCount: 0 } })
})

it('takes words on events whose ids are numbers', async () => {
  await using it = await served()
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  const [{ id = '' } = {}] = await it.server.store.readStream('Order-1', { limit: 1 }).toArray()
  const hex = id.replaceAll('-', '')
  const half = (from: number): string => BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`)).toString()
  const structured = { mostSignificantBits: half(0), leastSignificantBits: half(16) }
  const { stream, answer } = await reading(it)
  stream.end(frame(persistentMessage('ReadReq', { ack: { ids: [{ structured }] } })))
  expect((await answer).status).toBe(0)
  await expect.poll(async () => (await infoOf(it)).totalItems).toBe(1)
})

it.each([
  ['RestartSubsystem', persistent],
  ['RestartPersistentSubscriptions', '/event_store.client.operations.Operations'],
])('ends its readers when persistent subscriptions are restarted, by %s', async (method, service) => {
  await using it = await served()
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  const { answer } = await reading(it)
  expect((await it.client.call(`${service}/${method}`, [Buffer.alloc(0)])).status).toBe(0)
  expect((await answer).trailers).toMatchObject({ exception: 'persistent-subscription-dropped' })
})

/** A reader that has been given both events. */
async function reading(it: Awaited<ReturnType<typeof served>>) {
  const stream = it.client.open(`${persistent}/Read`)
  const answer = answerOf(stream)
  stream.write(frame(persistentMessage('ReadReq', { options: { ...order, ...inString } })))
  await expect.poll(async () => (await infoOf(it)).totalInFlightMessages).toBe(2)
  return { stream, answer }
}

async function infoOf(it: Awaited<ReturnType<typeof served>>) {
  const { responses } = await it.call('GetInfo', 'GetInfoReq', { options: order })
  const { subscriptionInfo } = persistentSaid('GetInfoResp', responses[0] as Buffer) as {
    readonly subscriptionInfo: { readonly totalInFlightMessages: number; readonly totalItems: number }
  }
  return subscriptionInfo
}

it('says of a server that shuts down that one may come back', async () => {
  await using it = await served()
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  const { answer } = await reading(it)
  await it.server.close()
  expect((await answer).status).toBe(14)
})

it('sends nothing more to a reader that does not read, however large its buffer is', async () => {
  await using it = await served()
  const large = Array.from({ length: 100 }, () => ({ type: 'Scanned', data: { page: 'x'.repeat(50_000) } }))
  await it.server.store.append('Order-1', large)
  await it.call('Create', 'CreateReq', { options: { ...order, settings: someSettings } })
  const stream = it.client.open(`${persistent}/Read`)
  stream.pause()
  stream.write(frame(persistentMessage('ReadReq', { options: { ...order, ...inString, bufferSize: 1_000 } })))
  await expect.poll(async () => (await infoOf(it)).totalInFlightMessages).toBeGreaterThan(0)
  const counts: number[] = []
  const standsStill = async (): Promise<boolean> => {
    counts.push((await infoOf(it)).totalInFlightMessages)
    return counts.length > 5 && new Set(counts.slice(-5)).size === 1
  }
  await expect.poll(standsStill).toBe(true)
  expect(counts.at(-1)).toBeLessThan(50)
  stream.close(8)
})
