import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { consumer, failureOf, given, settings } from '../persistent.ts'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, placed } from '../talk.ts'

/** A subscription to so many events of Order-1. */
async function subscribed(client: KurrentDBClient, count: number, changes: object = {}): Promise<void> {
  await appendTo(client, 'Order-1', placed(count))
  await client.createPersistentSubscriptionToStream('Order-1', 'group', settings(changes))
}

function statsOf(client: KurrentDBClient) {
  return async () => (await client.getPersistentSubscriptionToStreamInfo('Order-1', 'group')).stats
}

function parkedOf(client: KurrentDBClient): () => Promise<number> {
  const stats = statsOf(client)
  return async () => Number((await stats()).parkedMessageCount)
}

describe.each(servedStores())('words on events of persistent subscriptions over %s', (_, serve) => {
  it('acknowledge several at once, after which none comes again', async () => {
    const { client } = await serve()
    await subscribed(client, 3)
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 3)
    await reader.ack(...reader.events)
    await expect.poll(statsOf(client)).toMatchObject({
      lastCheckpointedEventRevision: 2n,
      totalItems: 3n,
      lastKnownEventRevision: 2n,
      totalInFlightMessages: 0,
    })
    expect(reader.events).toHaveLength(3)
  })

  it('try one again at once, and park it when it was tried as often as it may be', async () => {
    const { client } = await serve()
    await subscribed(client, 1, { maxRetryCount: 2 })
    const reader = await consumer(client, 'Order-1', { acks: false })
    for (const count of [1, 2, 3]) {
      await given(reader, count)
      await reader.nack('retry', 'busy', reader.events[count - 1] as never)
    }
    await expect.poll(parkedOf(client)).toBe(1)
    expect(reader.events.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2])
  })

  it('try one again before anything new, at a consumer that has room for one', async () => {
    const { client } = await serve()
    await subscribed(client, 2)
    const reader = await consumer(client, 'Order-1', { acks: false, bufferSize: 1 })
    await given(reader, 1)
    await reader.nack('retry', 'busy', reader.events[0] as never)
    expect(await given(reader, 2)).toEqual(['Order-1/0 Placed', 'Order-1/0 Placed'])
    expect(reader.events[1]?.retryCount).toBe(1)
  })

  it('come too late for an event that took too long, which comes again', async () => {
    const { client } = await serve()
    await subscribed(client, 1, { messageTimeout: 100 })
    const reader = await consumer(client, 'Order-1', { acks: false, bufferSize: 1 })
    await expect.poll(() => reader.events.length).toBeGreaterThanOrEqual(2)
    const last = reader.events.at(-1)
    expect(last?.retryCount).toBe(reader.events.length - 1)
  })

  it('park one, which comes back when it is replayed, as if it were new', async () => {
    const { client } = await serve()
    await subscribed(client, 2)
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 2)
    await reader.nack('park', 'cannot be read', ...reader.events)
    await expect.poll(parkedOf(client)).toBe(2)
    await client.replayParkedMessagesToStream('Order-1', 'group')
    expect(await given(reader, 4)).toEqual([0, 1, 0, 1].map((revision) => `Order-1/${revision} Placed`))
    expect(reader.events.at(-1)?.retryCount).toBe(0)
    await reader.ack(...reader.events.slice(2))
    await expect.poll(async () => (await statsOf(client)()).lastCheckpointedEventRevision).toBe(1n)
    expect(await parkedOf(client)()).toBe(0)
  })

  it('replay only the first so many of those that are parked', async () => {
    const { client } = await serve()
    await subscribed(client, 4)
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 4)
    await reader.nack('park', '', ...reader.events)
    await expect.poll(parkedOf(client)).toBe(4)
    await client.replayParkedMessagesToStream('Order-1', 'group', { stopAt: 3 })
    expect((await given(reader, 7)).slice(4)).toEqual([0, 1, 2].map((revision) => `Order-1/${revision} Placed`))
    expect(await parkedOf(client)()).toBe(1)
  })

  it('show what is parked as a stream of links, in the order in which it is replayed', async () => {
    const { client } = await serve()
    await subscribed(client, 4)
    const stream = '$persistentsubscription-Order-1::group-parked'
    const readParked = async (options: object) => briefly(await all(client.readStream(stream, options)))
    expect(await failureOf(readParked({}))).toEqual(['stream-not-found', stream, undefined])
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 4)
    await reader.nack('park', 'no luck', ...reader.events.slice(1))
    await expect.poll(parkedOf(client)).toBe(3)
    const [first] = await all(client.readStream(stream))
    expect(first?.event).toMatchObject({ type: '$>', metadata: { reason: 'no luck' } })
    const parked = [1, 2, 3].map((revision) => `Order-1/${revision} Placed by ${stream}/${revision - 1}`)
    expect(await readParked({ resolveLinkTos: true })).toEqual(parked)
    expect(await readParked({ resolveLinkTos: true, fromRevision: 1n, maxCount: 1 })).toEqual(parked.slice(1, 2))
    const backwards = { resolveLinkTos: true, direction: 'backwards', fromRevision: 'end', maxCount: 2 }
    expect(await readParked(backwards)).toEqual([parked[2], parked[1]])
    await client.replayParkedMessagesToStream('Order-1', 'group', { stopAt: 2 })
    await given(reader, 6)
    expect(await readParked({ resolveLinkTos: true })).toEqual([`Order-1/3 Placed by ${stream}/0`])
  })

  it('skip one, which never comes again', async () => {
    const { client } = await serve()
    await subscribed(client, 2)
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 2)
    await reader.nack('skip', 'not for us', ...reader.events)
    await expect.poll(async () => (await statsOf(client)()).lastCheckpointedEventRevision).toBe(1n)
    expect([reader.events.length, await parkedOf(client)()]).toEqual([2, 0])
  })

  it('stop the subscription, for everybody, until it is started again', async () => {
    const { client, connect } = await serve()
    await subscribed(client, 2)
    const reader = await consumer(client, 'Order-1', { acks: false, bufferSize: 1 })
    await given(reader, 1)
    await reader.nack('stop', 'the world ends', reader.events[0] as never)
    await expect.poll(() => reader.errors[0]?.type).toBe('persistent-subscription-failed')
    const refused = await consumer(connect(''), 'Order-1')
    expect(refused.errors[0]).toMatchObject({ type: 'persistent-subscription-failed', streamName: 'Order-1' })
    await client.restartPersistentSubscriptionSubsystem()
    expect(await given(await consumer(client, 'Order-1'), 2)).toEqual(['Order-1/0 Placed', 'Order-1/1 Placed'])
  })

  it('mean nothing for an event that was never sent', async () => {
    const { client } = await serve()
    await subscribed(client, 1)
    const reader = await consumer(client, 'Order-1', { acks: false })
    await given(reader, 1)
    const { event, ...rest } = reader.events[0] as NonNullable<(typeof reader.events)[0]>
    const other = { ...rest, event: { ...event, id: '11111111-1111-4111-8111-111111111111' } }
    await reader.ack(other as never)
    await reader.ack(...reader.events)
    await expect.poll(async () => (await statsOf(client)()).totalItems).toBe(1n)
  })

  it('are not taken by a subscription that is not there', async () => {
    const { client } = await serve()
    const replay = client.replayParkedMessagesToStream('Order-1', 'nobody')
    expect(await failureOf(replay)).toEqual(['persistent-subscription-does-not-exist', 'Order-1', 'nobody'])
    expect((await failureOf(client.replayParkedMessagesToAll('nobody')))[0]).toBe(
      'persistent-subscription-does-not-exist',
    )
  })
})
