import { describe, expect, it } from 'vitest'
import { type Serve, servedStores } from '../stage.ts'
import { all, appendTo, briefly, type Expected, placed, refusedAt } from '../talk.ts'

/** A stream of six events, and what comes of appending some of them again. */
async function again(serve: Serve, which: (events: ReturnType<typeof placed>) => ReturnType<typeof placed>) {
  const { client } = await serve()
  const events = placed(6)
  for (const [index, event] of events.entries()) {
    await appendTo(client, 'Order-1', event, index === 0 ? 'no_stream' : BigInt(index - 1))
  }
  const repeat = (expected: Expected) => appendTo(client, 'Order-1', which(events), expected)
  return { repeat, count: async () => (await all(client.readStream('Order-1'))).length }
}

describe.each(servedStores())('appends that repeat others, over %s', (_, serve) => {
  it('are answered with the first result, when they come at the same place again', async () => {
    const { repeat, count } = await again(serve, (events) => events.slice(2, 4))
    expect(await repeat(1n)).toMatchObject({ nextExpectedRevision: 3n, position: { commit: 4n } })
    expect(await count()).toBe(6)
  })

  it.each<Expected>(['any', 'no_stream'])(
    'are answered with the first result: the whole stream with %s',
    async (expected) => {
      const { repeat, count } = await again(serve, (events) => events)
      expect(await repeat(expected)).toMatchObject({ nextExpectedRevision: 5n })
      expect(await count()).toBe(6)
    },
  )

  it.each<Expected>(['any', 'stream_exists'])(
    'are answered with the first result: a part with %s',
    async (expected) => {
      const { repeat, count } = await again(serve, (events) => events.slice(3, 4))
      expect(await repeat(expected)).toMatchObject({ nextExpectedRevision: 3n })
      expect(await count()).toBe(6)
    },
  )

  it('are new events, when they come at the end with the revision that is there', async () => {
    const { repeat, count } = await again(serve, (events) => events.slice(0, 1))
    expect(await repeat(5n)).toMatchObject({ nextExpectedRevision: 6n })
    expect(await count()).toBe(7)
  })

  it('are answered with the first result also when that was new although its id was not', async () => {
    const { repeat, count } = await again(serve, (events) => events.slice(0, 1))
    await repeat(5n)
    expect(await repeat(5n)).toMatchObject({ nextExpectedRevision: 6n })
    expect(await count()).toBe(7)
  })

  it.each<Expected>([6n, 0n, 4n])('are refused at a place where they are not: %s', async (expected) => {
    const { repeat, count } = await again(serve, (events) => events.slice(0, 1))
    await refusedAt(repeat(expected), 5n)
    expect(await count()).toBe(6)
  })

  it.each<Expected>(['any', 4n, 'no_stream'])(
    'are refused with %s when only some of their events are there',
    async (expected) => {
      const { repeat, count } = await again(serve, (events) => [...events.slice(5), ...placed(1)])
      await expect(repeat(expected)).rejects.toMatchObject({ type: 'wrong-expected-version' })
      expect(await count()).toBe(6)
    },
  )

  it('are answered once when they are sent many times at once', async () => {
    const { client } = await serve()
    const events = placed(2)
    const results = await Promise.all(Array.from({ length: 20 }, () => appendTo(client, 'Order-1', events, 'any')))
    expect(new Set(results.map(({ nextExpectedRevision }) => nextExpectedRevision))).toEqual(new Set([1n]))
    expect(await all(client.readStream('Order-1'))).toHaveLength(2)
  })

  it('may go to other streams, where they are new, under the same ids', async () => {
    const { client } = await serve()
    const events = placed(2)
    for (const stream of ['Order-1', 'Order-2', 'Order-3']) await appendTo(client, stream, events, 'no_stream')
    await appendTo(client, 'Order-2', events, 'any')
    await appendTo(client, 'Order-3', events, 'no_stream')
    const read = await all(client.readStream('Order-2'))
    expect(read.map(({ event }) => event?.id)).toEqual(events.map(({ id }) => id))
    expect(briefly(await all(client.readAll()))).toHaveLength(6)
  })

  it('may hold the same id twice in one append', async () => {
    const { client } = await serve()
    const [event] = placed(1)
    const twins = [event, event] as ReturnType<typeof placed>
    expect(await appendTo(client, 'Order-1', twins, 'no_stream')).toMatchObject({ nextExpectedRevision: 1n })
    expect(await appendTo(client, 'Order-1', twins, 'no_stream')).toMatchObject({ nextExpectedRevision: 1n })
    const read = await all(client.readStream('Order-1'))
    expect(read.map(({ event: one }) => one?.id)).toEqual([event?.id, event?.id])
  })
})
