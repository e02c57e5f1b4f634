import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, jsonEvent, listen, placed } from '../talk.ts'

describe.each(servedStores())('metadata of a stream over %s', (_, serve) => {
  it('is what was set, under its names and others', async () => {
    const { client } = await serve()
    expect(await client.getStreamMetadata('Order-1')).toEqual({ streamName: 'Order-1' })
    const acl = { readRoles: ['a', 'b'], writeRoles: ['c'] }
    const metadata = { maxAge: 60, maxCount: 10, truncateBefore: 2, cacheControl: 5, acl, own: { key: ['ü'] } }
    await client.setStreamMetadata('Order-1', metadata)
    expect(await client.getStreamMetadata('Order-1')).toMatchObject({ metadata })
    await client.setStreamMetadata('Order-1', {})
    expect((await client.getStreamMetadata('Order-1')).metadata).toEqual({})
  })

  it('has expectations of its own', async () => {
    const { client } = await serve()
    const expecting = (expected: bigint | 'no_stream') =>
      ({ expectedRevision: expected, streamState: expected }) as object
    await client.setStreamMetadata('Order-1', { maxCount: 1 }, expecting('no_stream'))
    await client.setStreamMetadata('Order-1', { maxCount: 2 }, expecting(0n))
    const late = client.setStreamMetadata('Order-1', { maxCount: 3 }, expecting(0n))
    await expect(late).rejects.toMatchObject({ type: 'wrong-expected-version' })
    expect((await client.getStreamMetadata('Order-1')).metadata).toEqual({ maxCount: 2 })
  })

  it('hides all but the last events', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.setStreamMetadata('Order-1', { maxCount: 2 })
    const shown = ['Order-1/3 Placed', 'Order-1/4 Placed']
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(shown)
    const back = client.readStream('Order-1', { direction: 'backwards', fromRevision: 'end' })
    expect(briefly(await all(back))).toEqual(shown.toReversed())
    const heard = listen(client.subscribeToStream('Order-1'))
    await expect.poll(() => heard.order).toEqual(['confirmation', ...shown, 'caughtUp'])
    await appendTo(client, 'Order-1', placed(1))
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/4 Placed', 'Order-1/5 Placed'])
  })

  it('hides events that are too old', async () => {
    const { client, server } = await serve()
    const old = { type: 'Placed', data: {}, timestamp: new Date(Date.now() - 100_000).toISOString() }
    await server.store.append('Order-1', [old, { type: 'Paid', data: {} }])
    await client.setStreamMetadata('Order-1', { maxAge: 50 })
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/1 Paid'])
    const back = client.readStream('Order-1', { direction: 'backwards', fromRevision: 'end' })
    expect(briefly(await all(back))).toEqual(['Order-1/1 Paid'])
    await client.setStreamMetadata('Order-1', { maxAge: 200 })
    expect(await all(client.readStream('Order-1'))).toHaveLength(2)
  })

  it('hides events before a revision, also from those who use the store itself, and shows them again', async () => {
    const { client, server } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.setStreamMetadata('Order-1', { truncateBefore: 3 })
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/3 Placed', 'Order-1/4 Placed'])
    expect(await server.store.streamInfo('Order-1')).toMatchObject({ version: 5, truncateBefore: 4 })
    expect(await all(client.readAll())).toHaveLength(6)
    await client.setStreamMetadata('Order-1', {})
    expect(await all(client.readStream('Order-1'))).toHaveLength(5)
  })

  it('shows what those set who use the store itself, and leaves the rest of it as it was', async () => {
    const { client, server } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await client.setStreamMetadata('Order-1', { truncateBefore: 1, own: 'x' })
    await server.store.truncateBefore('Order-1', 4)
    expect(await client.getStreamMetadata('Order-1')).toMatchObject({ metadata: { truncateBefore: 3, own: 'x' } })
  })

  it('is one event for those who read it, the last one', async () => {
    const { client } = await serve()
    for (const maxCount of [1, 2, 3]) await client.setStreamMetadata('Order-1', { maxCount })
    const read = await all(client.readStream('$$Order-1'))
    expect(read.map(({ event }) => [event?.type, event?.revision, event?.data])).toEqual([
      ['$metadata', 2n, { $maxCount: 3 }],
    ])
  })

  it('is refused when it is none', async () => {
    const { client } = await serve()
    for (const event of [
      jsonEvent('Placed', {}),
      jsonEvent('$metadata', [1]),
      jsonEvent('$metadata', { $tb: -1 }),
      jsonEvent('$metadata', { $tb: 'all' }),
      jsonEvent('$metadata', { truncate_before: 2 }),
    ]) {
      await expect(appendTo(client, '$$Order-1', event)).rejects.toThrow()
    }
    expect(await client.getStreamMetadata('Order-1')).toEqual({ streamName: 'Order-1' })
  })
})
