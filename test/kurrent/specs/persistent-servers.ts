import { describe, expect, it } from 'vitest'
import { consumer, given, settings } from '../persistent.ts'
import { sharedStores } from '../stage.ts'
import { appendTo, placed } from '../talk.ts'

describe.each(sharedStores())('persistent subscriptions over %s', (_, serve) => {
  it('go on where they were when the server comes back, with what is parked', async () => {
    const { client, server, serveAgain } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.createPersistentSubscriptionToStream('$ce-Order', 'group', settings())
    const reader = await consumer(client, '$ce-Order', { acks: false, bufferSize: 3 })
    await given(reader, 3)
    await reader.ack(reader.events[0] as never)
    await reader.nack('park', 'broken', reader.events[1] as never)
    await given(reader, 5)
    await server.close()
    const { client: later } = await serveAgain()
    const { stats } = await later.getPersistentSubscriptionToStreamInfo('$ce-Order', 'group')
    expect(stats).toMatchObject({ parkedMessageCount: 1n, lastCheckpointedEventRevision: 1n })
    const again = await consumer(later, '$ce-Order')
    expect(await given(again, 3)).toEqual([2, 3, 4].map((number) => `$ce-Order/${number} $>`))
    await later.replayParkedMessagesToStream('$ce-Order', 'group')
    expect((await given(again, 4)).at(-1)).toBe('$ce-Order/1 $>')
  })

  it('are shared by the consumers of two servers, each of which gets its part', async () => {
    const one = await serve()
    const other = await one.serveAgain()
    await one.client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const consumers = [await consumer(one.client, 'Order-1'), await consumer(other.client, 'Order-1')]
    for (let count = 0; count < 20; count++) await appendTo(one.client, 'Order-1', placed(5))
    const revisions = () => consumers.flatMap(({ events }) => events.map(({ event }) => Number(event?.revision)))
    await expect.poll(() => revisions().length, { timeout: 20_000 }).toBe(100)
    expect(new Set(revisions()).size).toBe(100)
    const { connections } = await one.client.getPersistentSubscriptionToStreamInfo('Order-1', 'group')
    expect(connections).toHaveLength(2)
  })

  it('give what a consumer of one server leaves to that of another', async () => {
    const one = await serve()
    const other = await one.serveAgain()
    await appendTo(one.client, 'Order-1', placed(3))
    await one.client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const leaving = await consumer(one.client, 'Order-1', { acks: false })
    await given(leaving, 3)
    const staying = await consumer(other.client, 'Order-1')
    await leaving.unsubscribe()
    expect(await given(staying, 3)).toEqual([0, 1, 2].map((revision) => `Order-1/${revision} Placed`))
  })

  it('are changed and deleted for the consumers of all servers', async () => {
    const one = await serve()
    const other = await one.serveAgain()
    const create = () => one.client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    await create()
    const first = await consumer(other.connect(''), 'Order-1')
    await one.client.updatePersistentSubscriptionToStream('Order-1', 'group', settings({ maxRetryCount: 1 }))
    await expect.poll(() => first.errors[0]?.type, { timeout: 10_000 }).toBe('persistent-subscription-dropped')
    const second = await consumer(other.connect(''), 'Order-1')
    await one.client.deletePersistentSubscriptionToStream('Order-1', 'group')
    await create()
    await expect.poll(() => second.errors[0]?.type, { timeout: 10_000 }).toBe('persistent-subscription-does-not-exist')
  })
})
