import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, jsonEvent, placed, refusedAt } from '../talk.ts'

describe.each(servedStores())('deleting a stream over %s', (_, serve) => {
  it('makes it as if it were not there', async () => {
    const { client, server } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const { position } = await client.deleteStream('Order-1')
    expect(position).toEqual({ commit: 4n, prepare: 4n })
    await expect(all(client.readStream('Order-1'))).rejects.toMatchObject({ type: 'stream-not-found' })
    expect(await server.store.streamInfo('Order-1')).toMatchObject({ exists: false, version: 3 })
    expect(await all(client.readAll())).toHaveLength(4)
  })

  it('leaves it to be begun again, with the revisions that follow', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    await client.setStreamMetadata('Order-1', { own: 'kept', maxCount: 9 })
    await client.deleteStream('Order-1')
    expect((await client.getStreamMetadata('Order-1')).metadata?.truncateBefore).toBeGreaterThan(2 ** 60)
    expect(await appendTo(client, 'Order-1', placed(2), 'no_stream')).toMatchObject({ nextExpectedRevision: 4n })
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/3 Placed', 'Order-1/4 Placed'])
    const metadata = { truncateBefore: 3, own: 'kept', maxCount: 9 }
    expect(await client.getStreamMetadata('Order-1')).toMatchObject({ metadata })
  })

  it('keeps hidden what the stream had when its metadata are set, which end its being deleted', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    await client.deleteStream('Order-1')
    await client.setStreamMetadata('Order-1', { maxCount: 9 }, { streamState: 0n, expectedRevision: 0n } as object)
    expect(await all(client.readStream('Order-1'))).toEqual([])
    expect(await client.getStreamMetadata('Order-1')).toMatchObject({ metadata: { maxCount: 9, truncateBefore: 2 } })
    await appendTo(client, 'Order-1', placed(1), 'stream_exists')
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/2 Placed'])
  })

  it('lets every expectation of a new or the old stream hold, but not that it exists', async () => {
    for (const expected of ['any', 'no_stream', 2n] as const) {
      const { client } = await serve()
      await appendTo(client, 'Order-1', placed(3))
      await client.deleteStream('Order-1')
      await expect(appendTo(client, 'Order-1', placed(1), 'stream_exists')).rejects.toMatchObject({
        type: 'stream-deleted',
      })
      await refusedAt(appendTo(client, 'Order-1', placed(1), 1n), 2n)
      expect(await appendTo(client, 'Order-1', placed(1), expected)).toMatchObject({ nextExpectedRevision: 3n })
    }
  })

  it('is refused when the stream moved on, or never was', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const late = client.deleteStream('Order-1', { expectedRevision: 1n })
    await expect(late).rejects.toMatchObject({ type: 'wrong-expected-version', streamName: 'Order-1' })
    for (const expectedRevision of ['any', 'no_stream', 0n] as const) {
      const never = client.deleteStream('Order-2', { expectedRevision })
      await expect(never).rejects.toMatchObject({ type: 'wrong-expected-version', streamName: 'Order-2' })
    }
    expect(await client.deleteStream('Order-1', { expectedRevision: 2n })).toBeDefined()
  })

  it('may be done twice, by KurrentDB’s means and the store’s', async () => {
    const { client, server } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    await client.deleteStream('Order-1')
    await client.deleteStream('Order-1')
    expect(await server.store.deleteStream('Order-1')).toMatchObject({ changed: false })
    await appendTo(client, 'Order-1', placed(1))
    await server.store.deleteStream('Order-1')
    await expect(all(client.readStream('Order-1'))).rejects.toMatchObject({ type: 'stream-not-found' })
    expect((await client.getStreamMetadata('Order-1')).metadata?.truncateBefore).toBeGreaterThan(2 ** 60)
  })

  it('of a stream that has metadata only is no error, and the stream exists', async () => {
    const { client } = await serve()
    await client.setStreamMetadata('Order-1', { maxCount: 5 })
    await client.deleteStream('Order-1')
    await client.setStreamMetadata('Order-2', { maxCount: 5 })
    expect(await appendTo(client, 'Order-2', placed(1), 'stream_exists')).toMatchObject({ nextExpectedRevision: 0n })
  })

  it('is what metadata does that hides everything for good', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const all64 = { ...jsonEvent('$metadata', null), data: { $tb: 2 ** 63 } }
    await appendTo(client, '$$Order-1', all64 as never)
    await expect(all(client.readStream('Order-1'))).rejects.toMatchObject({ type: 'stream-not-found' })
    await appendTo(client, 'Order-1', placed(1), 'no_stream')
    expect(briefly(await all(client.readStream('Order-1')))).toEqual(['Order-1/2 Placed'])
  })

  it('is not what metadata does that hides everything up to now', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    await client.setStreamMetadata('Order-1', { truncateBefore: 2 })
    expect(await all(client.readStream('Order-1'))).toEqual([])
    expect(await appendTo(client, 'Order-1', placed(1), 'stream_exists')).toMatchObject({ nextExpectedRevision: 2n })
  })
})

describe.each(servedStores())('closing a stream for ever over %s', (_, serve) => {
  it('refuses whatever comes after it', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    expect(await client.tombstoneStream('Order-1')).toEqual({ position: { commit: 3n, prepare: 3n } })
    const closed = { type: 'stream-deleted', streamName: 'Order-1' }
    await expect(all(client.readStream('Order-1'))).rejects.toMatchObject(closed)
    for (const expected of ['any', 'no_stream', 'stream_exists', 1n] as const) {
      await expect(appendTo(client, 'Order-1', placed(1), expected)).rejects.toMatchObject(closed)
    }
    await expect(client.deleteStream('Order-1')).rejects.toMatchObject(closed)
    await expect(client.tombstoneStream('Order-1')).rejects.toMatchObject(closed)
  })

  it('closes what is said about it', async () => {
    const { client } = await serve()
    await client.setStreamMetadata('Order-1', { maxCount: 1 })
    await client.tombstoneStream('Order-1')
    await expect(client.setStreamMetadata('Order-1', {})).rejects.toMatchObject({ type: 'stream-deleted' })
    await expect(client.getStreamMetadata('Order-1')).rejects.toMatchObject({ type: 'stream-deleted' })
  })

  it('may be done to a stream that never was, and to one that was deleted', async () => {
    const { client } = await serve()
    await client.tombstoneStream('Order-1')
    await appendTo(client, 'Order-2', placed(1))
    await client.deleteStream('Order-2')
    await client.tombstoneStream('Order-2')
    for (const stream of ['Order-1', 'Order-2']) {
      await expect(all(client.readStream(stream))).rejects.toMatchObject({ type: 'stream-deleted' })
    }
  })

  it('is refused when the stream moved on', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const late = client.tombstoneStream('Order-1', { expectedRevision: 0n })
    await expect(late).rejects.toMatchObject({ type: 'wrong-expected-version', streamName: 'Order-1' })
    await client.tombstoneStream('Order-1', { expectedRevision: 1n })
  })

  it('is known by a name that is not ASCII', async () => {
    const { client } = await serve()
    await client.tombstoneStream('Größe-ü')
    await expect(all(client.readStream('Größe-ü'))).rejects.toMatchObject({ type: 'stream-deleted' })
  })
})
