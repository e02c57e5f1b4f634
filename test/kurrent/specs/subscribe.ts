import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { appendTo, briefly, heardEvents, jsonEvent, listen, placed } from '../talk.ts'

describe.each(servedStores())('a subscription to a stream over %s', (_, serve) => {
  it('is confirmed, delivers what is there, tells once that it has caught up, and follows', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const heard = listen(client.subscribeToStream('Order-1'))
    await expect.poll(() => heard.caughtUp.length).toBe(1)
    await appendTo(client, 'Order-2', placed(1))
    await appendTo(client, 'Order-1', placed(1))
    await appendTo(client, 'Order-1', placed(1))
    await heardEvents(heard, 4)
    const placedAt = (revision: number) => `Order-1/${revision} Placed`
    expect(heard.order).toEqual(['confirmation', placedAt(0), placedAt(1), 'caughtUp', placedAt(2), placedAt(3)])
  })

  it('begins behind a revision, or at the end', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const behind = listen(client.subscribeToStream('Order-1', { fromRevision: 0n }))
    const atEnd = listen(client.subscribeToStream('Order-1', { fromRevision: 'end' }))
    const beyond = listen(client.subscribeToStream('Order-1', { fromRevision: 3n }))
    await expect.poll(() => [behind, atEnd, beyond].every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await appendTo(client, 'Order-1', placed(2))
    await heardEvents(behind, 4)
    await heardEvents(atEnd, 2)
    await heardEvents(beyond, 1)
    expect(briefly(atEnd.events)).toEqual(['Order-1/3 Placed', 'Order-1/4 Placed'])
    expect(briefly(beyond.events)).toEqual(['Order-1/4 Placed'])
  })

  it('misses nothing from the confirmation on', async () => {
    const { client } = await serve()
    for (const stream of ['Order-1', 'Order-2', 'Order-3']) {
      const subscription = client.subscribeToStream(stream, { fromRevision: 'end' })
      const heard = listen(subscription)
      await new Promise((resolve) => subscription.once('confirmation', resolve))
      await appendTo(client, stream, placed(1))
      await heardEvents(heard, 1)
    }
  })

  it('waits for a stream that is not there yet', async () => {
    const { client } = await serve()
    const heard = listen(client.subscribeToStream('Order-1'))
    await expect.poll(() => heard.order).toEqual(['confirmation', 'caughtUp'])
    await appendTo(client, 'Order-1', placed(1))
    await heardEvents(heard, 1)
  })

  it('ends with the event that closes its stream for ever', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    const heard = listen(client.subscribeToStream('Order-1'))
    await heardEvents(heard, 1)
    await client.tombstoneStream('Order-1')
    await expect.poll(() => heard.errors).toMatchObject([{ type: 'stream-deleted', streamName: 'Order-1' }])
    expect(heard.events.at(-1)?.event?.type).toBe('$streamDeleted')
    const late = listen(client.subscribeToStream('Order-1'))
    await expect.poll(() => late.errors).toMatchObject([{ type: 'stream-deleted' }])
  })

  it('delivers everything once, in order, while others append', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2_000))
    const writing = (async () => {
      for (let from = 2_000; from < 3_000; from += 50) await appendTo(client, 'Order-1', placed(50, from))
    })()
    const heard = [1, 2, 3].map(() => listen(client.subscribeToStream('Order-1')))
    await writing
    for (const one of heard) {
      await heardEvents(one, 3_000)
      expect(one.events.map(({ event }) => Number(event?.revision))).toEqual([...Array(3_000).keys()])
      await expect.poll(() => one.caughtUp.length).toBe(1)
    }
  })

  it('follows links when asked', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    const heard = listen(client.subscribeToStream('Links', { resolveLinkTos: true }))
    const link = { ...jsonEvent('$>', null), contentType: 'application/octet-stream', data: Buffer.from('0@Order-1') }
    await appendTo(client, 'Links', link as never)
    await heardEvents(heard, 1)
    expect(briefly(heard.events)).toEqual(['Order-1/0 Placed by Links/0'])
  })
})

describe.each(servedStores())('a subscription to all streams over %s', (_, serve) => {
  it('is confirmed, delivers what is there, tells once that it has caught up, and follows', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    await client.setStreamMetadata('Order-1', { maxAge: 9 })
    const heard = listen(client.subscribeToAll())
    await expect.poll(() => heard.caughtUp.length).toBe(1)
    await appendTo(client, 'Order-2', placed(1))
    await heardEvents(heard, 3)
    const there = ['Order-1/0 Placed', '$$Order-1/0 $metadata']
    expect(heard.order).toEqual(['confirmation', ...there, 'caughtUp', 'Order-2/0 Placed'])
  })

  it('begins behind a position, or at the end', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const behind = listen(client.subscribeToAll({ fromPosition: { commit: 1n, prepare: 1n } }))
    const atEnd = listen(client.subscribeToAll({ fromPosition: 'end' }))
    await expect.poll(() => [behind, atEnd].every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await appendTo(client, 'Order-2', placed(1))
    await heardEvents(behind, 3)
    await heardEvents(atEnd, 1)
    expect(briefly(behind.events)).toEqual(['Order-1/1 Placed', 'Order-1/2 Placed', 'Order-2/0 Placed'])
  })

  it('may be left, and hundreds of others go on', async () => {
    const { client, metrics } = await serve()
    const subscriptions = Array.from({ length: 300 }, () => client.subscribeToAll())
    const heard = subscriptions.map(listen)
    await expect.poll(() => heard.every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await Promise.all(subscriptions.slice(0, 150).map((one) => one.unsubscribe()))
    await appendTo(client, 'Order-1', placed(2))
    for (const one of heard.slice(150)) await heardEvents(one, 2)
    await expect.poll(metrics).toContain('varve_subscriptions 150')
  })

  it('hears that the server shuts down', async () => {
    const { client, server } = await serve()
    const heard = listen(client.subscribeToAll())
    await expect.poll(() => heard.caughtUp.length).toBe(1)
    await server.close()
    await expect.poll(() => heard.errors).toMatchObject([{ type: 'unavailable' }])
  })
})
