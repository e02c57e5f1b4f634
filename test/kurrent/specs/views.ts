import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, heardEvents, jsonEvent, listen, placed } from '../talk.ts'

async function fill(client: KurrentDBClient): Promise<void> {
  await appendTo(client, 'Order-1', placed(2))
  await appendTo(client, 'Order', jsonEvent('Paid', {}))
  await appendTo(client, 'Customer-1', jsonEvent('Registered', {}))
  await appendTo(client, 'Order-2', [jsonEvent('Placed', {}), jsonEvent('Paid', {})])
}

/** What a stream holds: stream and revision of each event, as the data of its links say. */
async function linked(client: KurrentDBClient, stream: string, options: object = {}): Promise<string[]> {
  const links = await all(client.readStream(stream, options))
  return links.map(({ event }) => `${event?.revision}: ${Buffer.from(event?.data as Uint8Array).toString()}`)
}

describe.each(servedStores())('views over %s', (_, serve) => {
  it('have the events of a category, of a type, and the first of every stream', async () => {
    const { client } = await serve()
    await fill(client)
    expect(await linked(client, '$ce-Order')).toEqual(['0: 0@Order-1', '1: 1@Order-1', '2: 0@Order-2', '3: 1@Order-2'])
    expect(await linked(client, '$et-Paid')).toEqual(['0: 0@Order', '1: 1@Order-2'])
    expect(await linked(client, '$streams')).toEqual(['0: 0@Order-1', '1: 0@Order', '2: 0@Customer-1', '3: 0@Order-2'])
    expect(await linked(client, '$category-Order')).toEqual(['0: Order-1', '1: Order-2'])
  })

  it('are read like streams, from any revision in both directions', async () => {
    const { client } = await serve()
    await fill(client)
    const read = (options: object) => linked(client, '$ce-Order', options)
    expect(await read({ fromRevision: 1n, maxCount: 2 })).toEqual(['1: 1@Order-1', '2: 0@Order-2'])
    expect(await read({ fromRevision: 9n })).toEqual([])
    const back = { direction: 'backwards' }
    expect(await read({ ...back, fromRevision: 'end', maxCount: 2 })).toEqual(['3: 1@Order-2', '2: 0@Order-2'])
    expect(await read({ ...back, fromRevision: 1n })).toEqual(['1: 1@Order-1', '0: 0@Order-1'])
  })

  it('give the events behind their links, but none that is hidden in its stream', async () => {
    const { client } = await serve()
    await fill(client)
    await client.deleteStream('Order-1')
    const read = await all(client.readStream('$ce-Order', { resolveLinkTos: true }))
    expect(briefly(read)).toEqual([
      'nothing by $ce-Order/0',
      'nothing by $ce-Order/1',
      'Order-2/0 Placed by $ce-Order/2',
      'Order-2/1 Paid by $ce-Order/3',
    ])
  })

  it('know no category with a dash in it', async () => {
    const { client } = await serve()
    await fill(client)
    for (const name of ['$ce-Order-1', '$ce--1', '$category-Order-1', '$ce--']) {
      await expect(all(client.readStream(name)), name).rejects.toMatchObject({ type: 'stream-not-found' })
    }
  })

  it('give the same links each time', async () => {
    const { client } = await serve()
    await fill(client)
    const [first, second] = await Promise.all([
      all(client.readStream('$ce-Order')),
      all(client.readStream('$ce-Order')),
    ])
    expect(second).toEqual(first)
    expect(first[0]?.event).toMatchObject({ type: '$>', metadata: { $o: 'Order-1' }, position: { commit: 1n } })
    expect(new Set(first.map(({ event }) => event?.id)).size).toBe(4)
  })

  it('number thousands of events without holes, whoever reads them and however many others lie between', async () => {
    const { client } = await serve()
    for (let round = 0; round < 6; round++) {
      await appendTo(client, `Order-${round}`, placed(400))
      await appendTo(client, `Customer-${round}`, placed(400))
    }
    const read = await all(client.readStream('$ce-Order', { fromRevision: 1_000n, maxCount: 5 }))
    expect(read.map(({ event }) => Number(event?.revision))).toEqual([1_000, 1_001, 1_002, 1_003, 1_004])
    expect(Buffer.from(read[0]?.event?.data as Uint8Array).toString()).toBe('200@Order-2')
    expect(await linked(client, '$ce-Customer', { direction: 'backwards', fromRevision: 'end', maxCount: 1 })).toEqual([
      '2399: 399@Customer-5',
    ])
    expect(await linked(client, '$et-Placed', { fromRevision: 4_799n })).toEqual(['4799: 399@Customer-5'])
    await appendTo(client, 'Order-9', placed(1))
    expect(await linked(client, '$ce-Order', { fromRevision: 2_400n })).toEqual(['2400: 0@Order-9'])
  })

  it('are followed like streams', async () => {
    const { client } = await serve()
    await fill(client)
    const heard = listen(client.subscribeToStream('$ce-Order', { resolveLinkTos: true, fromRevision: 2n }))
    const atEnd = listen(client.subscribeToStream('$et-Paid', { fromRevision: 'end' }))
    await expect.poll(() => [heard, atEnd].every(({ caughtUp }) => caughtUp.length === 1)).toBe(true)
    await appendTo(client, 'Order-3', [jsonEvent('Placed', {}), jsonEvent('Paid', {})])
    await appendTo(client, 'Customer-1', jsonEvent('Placed', {}))
    await heardEvents(heard, 3)
    await heardEvents(atEnd, 1)
    expect(heard.order).toEqual([
      'confirmation',
      'Order-2/1 Paid by $ce-Order/3',
      'caughtUp',
      'Order-3/0 Placed by $ce-Order/4',
      'Order-3/1 Paid by $ce-Order/5',
    ])
    expect(briefly(atEnd.events)).toEqual(['$et-Paid/2 $>'])
  })

  it('are numbered alike for those who follow and those who read while others append', async () => {
    const { client } = await serve()
    const writing = Promise.all(
      [1, 2, 3, 4].map(async (stream) => {
        for (let count = 0; count < 50; count++) await appendTo(client, `Order-${stream}`, placed(5))
      }),
    )
    const heard = listen(client.subscribeToStream('$ce-Order'))
    await writing
    await heardEvents(heard, 1_000)
    const ids = heard.events.map(({ event }) => [event?.revision, event?.id])
    expect((await all(client.readStream('$ce-Order'))).map(({ event }) => [event?.revision, event?.id])).toEqual(ids)
  })
})
