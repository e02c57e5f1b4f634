import { describe, expect, it } from 'vitest'
import { consumer, failureOf, given, settings } from '../persistent.ts'
import { servedStores } from '../stage.ts'
import { appendTo, placed } from '../talk.ts'

const unusual = {
  resolveLinkTos: true,
  extraStatistics: true,
  messageTimeout: 5_000,
  maxRetryCount: 3,
  checkPointAfter: 500,
  checkPointLowerBound: 5,
  checkPointUpperBound: 50,
  maxSubscriberCount: 7,
  liveBufferSize: 60,
  readBatchSize: 10,
  historyBufferSize: 70,
  consumerStrategyName: 'DispatchToSingle',
}

describe.each(servedStores())('persistent subscriptions over %s', (_, serve) => {
  it('have the settings that they were created with, and those that they are changed to', async () => {
    const { client } = await serve()
    const made = settings({ ...unusual, startFrom: 3n })
    await client.createPersistentSubscriptionToStream('Order-1', 'group', made)
    const info = () => client.getPersistentSubscriptionToStreamInfo('Order-1', 'group')
    expect(await info()).toMatchObject({ eventSource: 'Order-1', groupName: 'group', status: 'Live', settings: made })
    await client.updatePersistentSubscriptionToStream('Order-1', 'group', settings({ startFrom: 'end' }))
    expect((await info()).settings).toEqual(settings({ startFrom: 'end' }))
  })

  it('to all streams have theirs as well', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const startFrom = { commit: 2n, prepare: 2n }
    await client.createPersistentSubscriptionToAll('group', settings({ ...unusual, startFrom }) as never)
    const info = () => client.getPersistentSubscriptionToAllInfo('group')
    expect((await info()).settings).toEqual(settings({ ...unusual, startFrom }))
    await client.updatePersistentSubscriptionToAll('group', settings({ startFrom: 'start' }) as never)
    expect((await info()).settings).toEqual(settings())
    await given(await consumer(client, '$all'), 3)
  })

  it('to all streams begin at a position that is there already', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const from = (position: bigint) => settings({ startFrom: { commit: position, prepare: position } }) as never
    await client.createPersistentSubscriptionToAll('group', from(2n))
    const changed = client.updatePersistentSubscriptionToAll('group', from(3n))
    expect((await failureOf(changed))[0]).toBe('persistent-subscription-failed')
    const made = client.createPersistentSubscriptionToAll('other', from(3n))
    expect((await failureOf(made))[0]).toBe('persistent-subscription-failed')
    await given(await consumer(client, '$all'), 1)
  })

  it('are created once for each source', async () => {
    const { client } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    await client.createPersistentSubscriptionToStream('Order-2', 'group', settings())
    await client.createPersistentSubscriptionToAll('group', settings() as never)
    const again = client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    expect(await failureOf(again)).toEqual(['persistent-subscription-exists', 'Order-1', 'group'])
    const all = client.createPersistentSubscriptionToAll('group', settings() as never)
    expect((await failureOf(all))[0]).toBe('persistent-subscription-exists')
  })

  it('may have names of any length, with colons in them, each for itself', async () => {
    const { client } = await serve()
    const names = [
      ['a::b', 'c'],
      ['a', 'b::c'],
      ['x'.repeat(900), 'ü'.repeat(300)],
    ] as const
    for (const [stream, group] of names) {
      await appendTo(client, stream, placed(1))
      await client.createPersistentSubscriptionToStream(stream, group, settings())
    }
    for (const [stream, group] of names) {
      expect(await given(await consumer(client, stream, { group }), 1)).toEqual([`${stream}/0 Placed`])
    }
    const listed = await client.listAllPersistentSubscriptions()
    expect(listed.map(({ eventSource, groupName }) => [eventSource, groupName]).sort()).toEqual([...names].sort())
  })

  it('drop their consumers when they are changed, which may come back', async () => {
    const { client, connect } = await serve()
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const reader = await consumer(connect(''), 'Order-1')
    await client.updatePersistentSubscriptionToStream('Order-1', 'group', settings())
    await expect.poll(() => reader.errors[0]?.type).toBe('persistent-subscription-dropped')
    expect(reader.errors[0]).toMatchObject({ streamName: 'Order-1', groupName: 'group' })
    const again = await consumer(client, 'Order-1')
    await appendTo(client, 'Order-1', placed(1))
    await given(again, 1)
  })

  it('are not changed, deleted or shown where there are none', async () => {
    const { client } = await serve()
    const calls = [
      client.updatePersistentSubscriptionToStream('Order-1', 'group', settings()),
      client.deletePersistentSubscriptionToStream('Order-1', 'group'),
      client.getPersistentSubscriptionToStreamInfo('Order-1', 'group'),
      client.updatePersistentSubscriptionToAll('group', settings() as never),
      client.deletePersistentSubscriptionToAll('group'),
      client.getPersistentSubscriptionToAllInfo('group'),
      client.listPersistentSubscriptionsToStream('Order-1'),
      client.listPersistentSubscriptionsToAll(),
    ]
    const types = await Promise.all(calls.map(async (call) => (await failureOf(call))[0]))
    expect(types).toEqual(Array(calls.length).fill('persistent-subscription-does-not-exist'))
    expect(await client.listAllPersistentSubscriptions()).toEqual([])
  })

  it('are listed: all of them, those of a stream, those to all streams', async () => {
    const { client } = await serve()
    for (const group of ['one', 'two']) await client.createPersistentSubscriptionToStream('Order-1', group, settings())
    await client.createPersistentSubscriptionToStream('Order-2', 'one', settings())
    await client.createPersistentSubscriptionToAll('one', settings() as never)
    const named = (infos: readonly { readonly eventSource: string; readonly groupName: string }[]) =>
      infos.map(({ eventSource, groupName }) => `${eventSource} ${groupName}`).sort()
    expect(named(await client.listPersistentSubscriptionsToStream('Order-1'))).toEqual(['Order-1 one', 'Order-1 two'])
    expect(named(await client.listPersistentSubscriptionsToAll())).toEqual(['$all one'])
    expect((await client.listAllPersistentSubscriptions()).length).toBe(4)
  })

  it('show who is connected, and how long events take where that is wanted', async () => {
    const { client, connect, login } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings({ extraStatistics: true }))
    await given(await consumer(connect('', '&connectionName=clerk'), 'Order-1', { bufferSize: 20 }), 5)
    const info = () => client.getPersistentSubscriptionToStreamInfo('Order-1', 'group')
    await expect.poll(async () => (await info()).connections[0]?.inFlightMessages).toBe(0)
    const [clerk] = (await info()).connections
    expect(clerk).toMatchObject({ connectionName: 'clerk', username: login, totalItems: 5n, availableSlots: 20 })
    expect(clerk?.from).toMatch(/^127\.0\.0\.1:\d+$/)
    expect([...(clerk?.extraStatistics?.keys() ?? [])]).toEqual(
      expect.arrayContaining([
        'highest',
        'mean',
        'median',
        'fastest',
        'quintile 1',
        'quintile 5',
        '90%',
        '99.9%',
      ] as never),
    )
  })

  it('are restarted: consumers come back, and go on where they were', async () => {
    const { client, connect } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const reader = await consumer(connect(''), 'Order-1')
    await given(reader, 2)
    await client.restartPersistentSubscriptionSubsystem()
    await expect.poll(() => reader.errors[0]?.type).toBe('persistent-subscription-dropped')
    const again = await consumer(client, 'Order-1')
    await appendTo(client, 'Order-1', placed(1))
    expect(await given(again, 1)).toEqual(['Order-1/2 Placed'])
  })
})
