import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { consumer, failureOf, given, settings } from '../persistent.ts'
import { fill } from '../six-events.ts'
import { servedStores } from '../stage.ts'
import { appendTo, jsonEvent, placed } from '../talk.ts'

describe.each(servedStores())('persistent subscriptions over %s', (_, serve) => {
  it('give the events of a stream, those that are there and those that come', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const reader = await consumer(client, 'Order-1')
    await given(reader, 2)
    await appendTo(client, 'Order-1', placed(1))
    await appendTo(client, 'Order-2', placed(1))
    await given(reader, 3)
    expect(reader.order).toEqual(['confirmation', 'Order-1/0 Placed', 'Order-1/1 Placed', 'Order-1/2 Placed'])
    expect(reader.events.map(({ retryCount }) => retryCount)).toEqual([0, 0, 0])
  })

  it('begin at a revision, which is the first one given, or with what comes', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(4))
    await client.createPersistentSubscriptionToStream('Order-1', 'third', settings({ startFrom: 2n }))
    await client.createPersistentSubscriptionToStream('Order-1', 'new', settings({ startFrom: 'end' }))
    const third = await consumer(client, 'Order-1', { group: 'third' })
    const fresh = await consumer(client, 'Order-1', { group: 'new' })
    expect(await given(third, 2)).toEqual(['Order-1/2 Placed', 'Order-1/3 Placed'])
    await appendTo(client, 'Order-1', placed(1))
    expect(await given(fresh, 1)).toEqual(['Order-1/4 Placed'])
  })

  it('give all streams, from a position on', async () => {
    const { client } = await serve()
    await fill(client)
    await client.createPersistentSubscriptionToAll('group', settings() as never)
    const from = { commit: 5n, prepare: 5n }
    await client.createPersistentSubscriptionToAll('late', settings({ startFrom: from }) as never)
    const all = await consumer(client, '$all')
    const late = await consumer(client, '$all', { group: 'late' })
    expect((await given(all, 6)).at(3)).toBe('$$Order-1/0 $metadata')
    expect(await given(late, 2)).toEqual(['Order-2/0 Placed', 'Order-2/1 Paid'])
  })

  it.each([
    ['streams by prefix', { filterOn: 'streamName', prefixes: ['Order-'] }, 4],
    ['streams by regex', { filterOn: 'streamName', regex: '^[^$].*-2$' }, 2],
    ['types by prefix', { filterOn: 'eventType', prefixes: ['Pl', 'Reg'] }, 4],
    ['types by regex', { filterOn: 'eventType', regex: '^\\$' }, 1],
  ])('give all streams through a filter of %s', async (_name, chosen, count) => {
    const { client } = await serve()
    const filter = { checkpointInterval: 1, maxSearchWindow: 32, ...chosen } as never
    await client.createPersistentSubscriptionToAll('group', settings() as never, { filter })
    const reader = await consumer(client, '$all')
    await fill(client)
    await given(reader, count)
    await expect
      .poll(async () => (await client.getPersistentSubscriptionToAllInfo('group')).stats.lastKnownEventPosition)
      .toEqual({ commit: 6n, prepare: 6n })
  })

  it('give a view as links, and what they lead to when that is wanted', async () => {
    const { client } = await serve()
    await fill(client)
    for (const [group, resolveLinkTos] of [
      ['links', false],
      ['events', true],
    ] as const) {
      const made = settings({ resolveLinkTos, startFrom: 1n })
      await client.createPersistentSubscriptionToStream('$ce-Order', group, made)
    }
    const links = await consumer(client, '$ce-Order', { group: 'links' })
    const events = await consumer(client, '$ce-Order', { group: 'events' })
    await appendTo(client, 'Order-3', jsonEvent('Placed', {}))
    expect(await given(links, 4)).toEqual([1, 2, 3, 4].map((number) => `$ce-Order/${number} $>`))
    expect(await given(events, 4)).toEqual([
      'Order-1/1 Placed by $ce-Order/1',
      'Order-2/0 Placed by $ce-Order/2',
      'Order-2/1 Paid by $ce-Order/3',
      'Order-3/0 Placed by $ce-Order/4',
    ])
    const { stats } = await client.getPersistentSubscriptionToStreamInfo('$ce-Order', 'links')
    expect(stats).toMatchObject({ lastKnownEventRevision: 4n })
  })

  it('follow the links in a stream when that is wanted, and take them for acknowledged by the link', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    await appendTo(client, 'Links', {
      ...jsonEvent('$>', ''),
      contentType: 'application/octet-stream',
      data: Buffer.from('0@Order-1'),
    } as never)
    await client.createPersistentSubscriptionToStream('Links', 'group', settings({ resolveLinkTos: true }))
    const reader = await consumer(client, 'Links')
    expect(await given(reader, 1)).toEqual(['Order-1/0 Placed by Links/0'])
    await expect
      .poll(async () => (await client.getPersistentSubscriptionToStreamInfo('Links', 'group')).stats.totalItems)
      .toBe(1n)
    expect(reader.events).toHaveLength(1)
  })

  it('wait for a stream that is not there yet, and give nothing of one that is closed for ever', async () => {
    const { client } = await serve()
    await appendTo(client, 'Gone', placed(2))
    await client.tombstoneStream('Gone')
    for (const stream of ['Gone', 'Later'])
      await client.createPersistentSubscriptionToStream(stream, 'group', settings())
    const gone = await consumer(client, 'Gone')
    const later = await consumer(client, 'Later')
    await appendTo(client, 'Later', placed(1))
    expect(await given(later, 1)).toEqual(['Later/0 Placed'])
    expect(gone.events).toEqual([])
  })

  it('pass over what metadata of the stream hides', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.setStreamMetadata('Order-1', { maxCount: 2 })
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const reader = await consumer(client, 'Order-1')
    expect(await given(reader, 2)).toEqual(['Order-1/3 Placed', 'Order-1/4 Placed'])
  })

  it('give events that have one id, each for itself', async () => {
    const { client } = await serve()
    const id = randomUUID()
    for (const stream of ['Order-1', 'Order-2']) await appendTo(client, stream, jsonEvent('Placed', {}, { id }))
    await client.createPersistentSubscriptionToStream('$et-Placed', 'group', settings({ resolveLinkTos: true }))
    await client.createPersistentSubscriptionToAll('group', settings() as never)
    const reader = await consumer(client, '$all')
    await given(reader, 2)
    expect(new Set(reader.events.map(({ event }) => event?.id))).toEqual(new Set([id]))
    const info = () => client.getPersistentSubscriptionToAllInfo('group')
    await expect.poll(async () => (await info()).stats.totalItems).toBe(2n)
    expect(reader.events).toHaveLength(2)
  })

  it('are not there until they are created, nor once they are deleted', async () => {
    const { client } = await serve()
    const [none, nobody] = [await consumer(client, 'Order-1'), await consumer(client, '$all')]
    expect([none.errors[0]?.type, nobody.errors[0]?.type]).toEqual(
      Array(2).fill('persistent-subscription-does-not-exist'),
    )
    await client.createPersistentSubscriptionToStream('Order-1', 'group', settings())
    const reader = await consumer(client, 'Order-1')
    await client.deletePersistentSubscriptionToStream('Order-1', 'group')
    await expect.poll(() => reader.errors[0]?.type).toBe('persistent-subscription-does-not-exist')
    const again = client.deletePersistentSubscriptionToStream('Order-1', 'group')
    expect(await failureOf(again)).toEqual(['persistent-subscription-does-not-exist', 'Order-1', 'group'])
  })
})
