import { randomUUID } from 'node:crypto'
import { limits } from 'varve'
import { describe, expect, it } from 'vitest'
import { rawClient } from '../../../../test/kurrent/raw-client.ts'
import { decoded, encoded, named, proposed, streamsMethod } from '../../../../test/kurrent/streams-messages.ts'
import { serverConfig } from '../../config.ts'
import { startServer } from '../../server.ts'

/** Requests as no official client makes them, or as the ones do that have no tests here. */

const ofStream = { stream: { streamIdentifier: named('Order-1'), start: {} } }
const sound = { ...ofStream, count: 10, noFilter: {}, uuidOption: { string: {} } }
const typeFilter = { eventType: { prefix: ['P'] }, max: 5, checkpointIntervalMultiplier: 1 }

describe('a request of Read', () => {
  it('is refused when its options are missing, or do not go together', async () => {
    await using served = await serving()
    const wrong: object[] = [
      {},
      { ...sound, stream: undefined },
      { ...sound, stream: { streamIdentifier: named('Order-1') } },
      { ...sound, stream: { start: {} } },
      { ...sound, stream: { streamIdentifier: named(''), start: {} } },
      { ...sound, count: undefined },
      { ...sound, noFilter: undefined },
      { ...sound, uuidOption: undefined },
      { ...sound, readDirection: 2 },
      { ...sound, noFilter: undefined, filter: typeFilter },
      { ...sound, count: undefined, subscription: {}, readDirection: 1 },
      { ...sound, stream: undefined, all: { position: { commitPosition: 1, preparePosition: 2 } } },
      { ...sound, stream: undefined, all: { start: {} }, noFilter: undefined, filter: { max: 5 } },
      { ...sound, stream: undefined, all: { start: {} }, noFilter: undefined, filter: { ...typeFilter, max: 0 } },
      {
        ...sound,
        stream: undefined,
        all: { start: {} },
        count: undefined,
        subscription: {},
        noFilter: undefined,
        filter: { ...typeFilter, checkpointIntervalMultiplier: 0 },
      },
    ]
    for (const options of wrong) {
      const { status, responses } = await served.read(options)
      expect({ options, status, responses }).toEqual({ options, status: 3, responses: [] })
    }
    expect((await served.read(sound)).status).toBe(0)
  })

  it('from the end forwards, and from the start backwards, gives what lies there', async () => {
    await using served = await serving()
    await served.append('Order-1', 3)
    const streamFrom = (from: object) => ({ ...sound, stream: { streamIdentifier: named('Order-1'), ...from } })
    const allFrom = (from: object) => ({ ...sound, stream: undefined, all: from })
    expect((await served.read(streamFrom({ end: {} }))).responses).toEqual([])
    expect((await served.read(allFrom({ end: {} }))).responses).toEqual([])
    expect((await served.read({ ...allFrom({ start: {} }), readDirection: 1 })).responses).toEqual([])
    const back = await served.read({ ...streamFrom({ start: {} }), readDirection: 1 })
    expect(back.responses).toMatchObject([{ event: { event: { streamRevision: 0 } } }])
    expect((await served.read({ ...sound, count: 0 })).responses).toEqual([])
  })

  it('tells where a stream begins and ends to clients that want to know it', async () => {
    await using served = await serving()
    await served.append('Order-1', 3)
    const knowing = { ...sound, controlOption: { compatibility: 1 } }
    expect((await served.read(knowing)).responses.slice(3)).toMatchObject([{ lastStreamPosition: 2 }])
    expect((await served.read(sound)).responses).toHaveLength(3)
    await served.store.truncateBefore('Order-1', 3)
    const page = (await served.read({ ...knowing, count: 1 })).responses
    expect(page).toMatchObject([
      { firstStreamPosition: 2 },
      { event: { event: { streamRevision: 2 } } },
      { lastStreamPosition: 2 },
    ])
    await served.store.setStreamMetadata('Order-1', { $tb: 3, truncateBefore: 4 })
    const all = (await served.read(knowing)).responses
    expect(all).toMatchObject([{ firstStreamPosition: 3 }, { lastStreamPosition: 2 }])
  })

  it('has ids as two numbers for those who want them so', async () => {
    await using served = await serving()
    await served.append('Order-1', 1)
    const { responses } = await served.read({ ...sound, uuidOption: { structured: {} } })
    expect(responses).toMatchObject([{ event: { event: { id: { structured: {} } } } }])
  })
})

describe('a request of Append', () => {
  it('is refused when it is not options first, once, and then events', async () => {
    await using served = await serving()
    const options = encoded('AppendReq', { options: { streamIdentifier: named('Order-1'), any: {} } })
    const event = encoded('AppendReq', { proposedMessage: proposed(randomUUID()) })
    for (const messages of [
      [],
      [event],
      [event, options],
      [options, options],
      [options, event, options],
      [Buffer.alloc(0)],
    ]) {
      expect((await served.client.call(streamsMethod('Append'), messages)).status).toBe(3)
    }
    expect((await served.client.call(streamsMethod('Append'), [options, event])).status).toBe(0)
    expect(await served.store.head()).toBe(1)
  })

  it('is refused for events that do not say what they are', async () => {
    await using served = await serving()
    const options = encoded('AppendReq', { options: { streamIdentifier: named('Order-1'), any: {} } })
    for (const metadata of [{}, { type: 'Placed' }, { 'content-type': 'application/json' }]) {
      const event = encoded('AppendReq', { proposedMessage: proposed(randomUUID(), { metadata }) })
      const { status, trailers } = await served.client.call(streamsMethod('Append'), [options, event])
      expect({ status, ...trailers }).toMatchObject({
        status: 3,
        exception: 'missing-required-metadata-property',
        'required-metadata-properties': 'type,content-type',
      })
    }
  })

  it('is refused for more events than one append may have', async () => {
    await using served = await serving()
    const options = encoded('AppendReq', { options: { streamIdentifier: named('Order-1'), any: {} } })
    const event = encoded('AppendReq', { proposedMessage: proposed(randomUUID()) })
    const events = Array<Buffer>(limits.appendEvents + 1).fill(event)
    const { trailers } = await served.client.call(streamsMethod('Append'), [options, ...events])
    expect(trailers).toMatchObject({ exception: 'maximum-append-size-exceeded' })
  })
})

describe('a request of Delete', () => {
  it('is refused with what is known of the stream, in ASCII', async () => {
    await using served = await serving()
    await served.append('Größe-1', 2)
    const request = encoded('AppendReq', { options: { streamIdentifier: named('Größe-1'), revision: 0 } })
    for (const method of ['Delete', 'Tombstone']) {
      const { status, trailers } = await served.client.call(streamsMethod(method), [request])
      expect({ status, ...trailers }).toMatchObject({
        status: 9,
        exception: 'wrong-expected-version',
        'stream-name': 'Gr%C3%B6%C3%9Fe-1',
        'expected-version': '0',
        'actual-version': '1',
      })
    }
  })

  it('is refused in words that hold the numbers, where the Python client looks for them', async () => {
    await using served = await serving()
    await served.append('Order-1', 2)
    const words = async (stream: string, expected: object) => {
      const request = encoded('AppendReq', { options: { streamIdentifier: named(stream), ...expected } })
      return (await served.client.call(streamsMethod('Delete'), [request])).message
    }
    const failed = 'The write failed due to WrongExpectedVersion. Stream:'
    expect(await words('Order-1', { revision: 0 })).toBe(`${failed} Order-1, Expected version: 0, Actual version: 1`)
    expect(await words('Order-2', { any: {} })).toBe(`${failed} Order-2, Expected version: -2, Actual version: -1`)
  })

  it('is refused for what is no stream of its own', async () => {
    await using served = await serving()
    for (const stream of ['$ce-Order', '$streams', '$$Order-1', '$all', '', '$$']) {
      const request = encoded('AppendReq', { options: { streamIdentifier: named(stream), any: {} } })
      for (const method of ['Delete', 'Tombstone']) {
        expect([3, 7]).toContain((await served.client.call(streamsMethod(method), [request])).status)
      }
    }
    expect(await served.store.head()).toBe(0)
  })
})

async function serving() {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  const client = rawClient(server.url)
  return {
    client,
    store: server.store,
    append: (stream: string, count: number) =>
      server.store.append(stream, Array(count).fill({ type: 'Placed', data: {} })),
    read: async (options: object) => {
      const { status, responses } = await client.call(streamsMethod('Read'), [encoded('ReadReq', { options })])
      return { status, responses: responses.map((message) => decoded('ReadResp', message)) }
    },
    [Symbol.asyncDispose]: async () => {
      client.session.destroy()
      await server.close()
    },
  }
}
