import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { type Consumer, consumer, given, settings } from '../persistent.ts'
import { chosenStage, servedStores } from '../stage.ts'
import { appendTo, jsonEvent, placed } from '../talk.ts'

/** The older client has no word for keys by correlation: it says so, and asks for another strategy. */
const byKey = chosenStage().scheme === 'esdb' ? ['Pinned'] : ['Pinned', 'PinnedByCorrelation']
const strategies = ['DispatchToSingle', 'RoundRobin', ...byKey]

/** Appends one event after the other to the streams, each with a correlation of its own for every two streams. */
async function spread(client: KurrentDBClient, count: number, streams: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const stream = number % streams
    const metadata = { $correlationId: `c${stream >> 1}` }
    await appendTo(client, `Order-${stream}`, jsonEvent('Placed', { number }, { metadata }))
  }
}

/** The streams that each consumer was given events of. */
function streamsOf(consumers: readonly Pick<Consumer, 'events'>[]): readonly ReadonlySet<string>[] {
  return consumers.map(({ events }) => new Set(events.map(({ event }) => event?.streamId ?? '')))
}

function total(consumers: readonly Pick<Consumer, 'events'>[]): number {
  return consumers.reduce((sum, { events }) => sum + events.length, 0)
}

describe.each(servedStores())('consumers of a persistent subscription over %s', (_, serve) => {
  it.each(strategies)('together get each event once, by %s', async (consumerStrategyName) => {
    const { client } = await serve()
    await client.createPersistentSubscriptionToStream(
      '$et-Placed',
      'group',
      settings({ consumerStrategyName, resolveLinkTos: true }),
    )
    const consumers = [await consumer(client, '$et-Placed'), await consumer(client, '$et-Placed')]
    await spread(client, 24, 8)
    await expect.poll(() => total(consumers)).toBe(24)
    const ids = consumers.flatMap(({ events }) => events.map(({ event }) => event?.id))
    expect(new Set(ids).size).toBe(24)
    const { settings: told } = await client.getPersistentSubscriptionToStreamInfo('$et-Placed', 'group')
    expect(told.consumerStrategyName).toBe(consumerStrategyName)
  })

  it('take turns, by RoundRobin', async () => {
    const { client } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const consumers = [await consumer(client, 'Order-1'), await consumer(client, 'Order-1')]
    await appendTo(client, 'Order-1', placed(10))
    await expect.poll(() => total(consumers)).toBe(10)
    expect(consumers.map(({ events }) => events.length)).toEqual([5, 5])
  })

  it('are filled one after the other, by DispatchToSingle', async () => {
    const { client } = await serve()
    const made = settings({ consumerStrategyName: 'DispatchToSingle' })
    await client.createPersistentSubscriptionToStream('Order-1', 'group', made)
    const first = await consumer(client, 'Order-1', { acks: false, bufferSize: 3 })
    const second = await consumer(client, 'Order-1', { acks: false, bufferSize: 3 })
    await appendTo(client, 'Order-1', placed(5))
    expect(await given(first, 3)).toEqual([0, 1, 2].map((revision) => `Order-1/${revision} Placed`))
    expect(await given(second, 2)).toEqual([3, 4].map((revision) => `Order-1/${revision} Placed`))
  })

  it.each(byKey)('keep to what they have begun, by %s', async (consumerStrategyName) => {
    const { client } = await serve()
    const made = settings({ consumerStrategyName, resolveLinkTos: true })
    await client.createPersistentSubscriptionToStream('$ce-Order', 'group', made)
    const consumers = [
      await consumer(client, '$ce-Order', { bufferSize: 50 }),
      await consumer(client, '$ce-Order', { bufferSize: 50 }),
    ]
    await spread(client, 32, 8)
    await expect.poll(() => total(consumers)).toBe(32)
    const [first, second] = streamsOf(consumers)
    expect([...(first ?? [])].filter((stream) => second?.has(stream))).toEqual([])
    const partners = consumerStrategyName === 'Pinned' ? [] : ['0 1', '2 3', '4 5', '6 7']
    for (const pair of partners) {
      const holders = pair.split(' ').map((stream) => first?.has(`Order-${stream}`))
      expect(holders[0]).toBe(holders[1])
    }
  })

  it('may have several events of one stream in hand, by Pinned', async () => {
    const { client } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings({ consumerStrategyName: 'Pinned' }))
    const reader = await consumer(client, 'Order-1', { acks: false, bufferSize: 5 })
    await appendTo(client, 'Order-1', placed(9))
    await given(reader, 5)
  })

  it('wait for the one that has begun with a stream, by Pinned, however little room it has', async () => {
    const { client } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings({ consumerStrategyName: 'Pinned' }))
    const consumers = [
      await consumer(client, 'Order-1', { acks: false, bufferSize: 3 }),
      await consumer(client, 'Order-1', { acks: false, bufferSize: 3 }),
    ]
    await appendTo(client, 'Order-1', placed(20))
    await expect.poll(() => total(consumers)).toBe(3)
    const [own, other] = consumers.toSorted((a, b) => b.events.length - a.events.length)
    for (let count = 3; count < 20; count++) {
      await own?.ack(own.events[count - 3] as never)
      await expect.poll(() => own?.events.length).toBe(count + 1)
    }
    expect(other?.events).toEqual([])
  })

  it('are as many as the settings say, and not one more until one leaves', async () => {
    const { client, connect } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings({ maxSubscriberCount: 1 }))
    const first = await consumer(client, 'Order-1')
    const second = await consumer(connect(''), 'Order-1')
    expect(second.errors[0]).toMatchObject({
      type: 'maximum-subscribers-reached',
      streamName: 'Order-1',
      groupName: 'group',
    })
    await first.unsubscribe()
    await expect.poll(async () => (await consumer(connect(''), 'Order-1')).errors.length, { timeout: 10_000 }).toBe(0)
  })

  it('get at once what one that leaves has in hand, as another try', async () => {
    const { client, connect } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const leaving = connect('')
    const first = await consumer(leaving, 'Order-1', { acks: false })
    await given(first, 3)
    const second = await consumer(client, 'Order-1')
    await leaving.dispose()
    expect(await given(second, 3)).toEqual([0, 1, 2].map((revision) => `Order-1/${revision} Placed`))
    expect(second.events.map(({ retryCount }) => retryCount)).toEqual([1, 1, 1])
  })

  it('never have more events than they have room for, until they say a word on one', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(100))
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const slow = await consumer(client, 'Order-1', { acks: false, bufferSize: 4 })
    await given(slow, 4)
    const info = () => client.getPersistentSubscriptionToStreamInfo('Order-1', 'group')
    await expect
      .poll(async () => (await info()).connections[0])
      .toMatchObject({ inFlightMessages: 4, availableSlots: 0 })
    await slow.ack(...slow.events.slice(0, 2))
    await given(slow, 6)
  })
})
