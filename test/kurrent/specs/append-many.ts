import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { badRequestIn, reasonIn } from '../status-details.ts'
import { all, appendTo, binaryEvent, briefly, jsonEvent, listen, placed } from '../talk.ts'

type Session = Parameters<KurrentDBClient['multiStreamAppend']>[0]
type Records = Parameters<KurrentDBClient['appendRecords']>[0]
type Checks = Parameters<KurrentDBClient['appendRecords']>[1]

const session = (...writes: [string, unknown, unknown[]][]): Session =>
  writes.map(([streamName, expectedState, events]) => ({ streamName, expectedState, events })) as Session

const records = (...of: [string, unknown][]): Records =>
  of.map(([streamName, record]) => ({ streamName, record })) as unknown as Records

const checks = (...of: [string, unknown][]): Checks =>
  of.map(([streamName, expectedState]) => ({ streamName, expectedState })) as Checks

describe.each(servedStores())('appends to several streams at once over %s', (_, serve) => {
  it('are written together, each stream behind what is expected of it', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const many = session(['Order-1', 1n, placed(1)], ['Order-2', 'no_stream', placed(2)], ['Order-3', 'any', placed(1)])
    expect(await client.multiStreamAppend(many)).toEqual({
      position: 6n,
      responses: [
        { streamName: 'Order-1', revision: 2n },
        { streamName: 'Order-2', revision: 1n },
        { streamName: 'Order-3', revision: 0n },
      ],
    })
    const repeated = await client.multiStreamAppend(many)
    expect(repeated).toMatchObject({ position: 6n })
    expect(await all(client.readAll())).toHaveLength(6)
  })

  it('write nothing when one expectation does not hold', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const late = client.multiStreamAppend(session(['Order-2', 'any', placed(1)], ['Order-1', 0n, placed(1)]))
    await expect(late).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: 'Order-1',
      expectedState: 0n,
      actualState: 1n,
    })
    expect(await all(client.readAll())).toHaveLength(2)
  })

  it('are refused for streams that are closed, and events that are too large', async () => {
    const { client } = await serve()
    await client.tombstoneStream('Order-1')
    const closed = client.multiStreamAppend(session(['Order-1', 'any', placed(1)]))
    await expect(closed).rejects.toMatchObject({ type: 'stream-tombstoned', stream: 'Order-1' })
    const large = jsonEvent('Placed', 'x'.repeat(1_048_576))
    const tooLarge = client.multiStreamAppend(session(['Order-2', 'any', [large]]))
    await expect(tooLarge).rejects.toMatchObject({ type: 'append-record-size-exceeded', recordId: large.id })
    const most = jsonEvent('Placed', 'x'.repeat(1_000_000))
    const tooMuch = client.multiStreamAppend(
      session(
        ...[...Array(18).keys()].map((at): [string, unknown, unknown[]] => [
          `Order-${at + 5}`,
          'any',
          [{ ...most, id: undefined }],
        ]),
      ),
    )
    await expect(tooMuch).rejects.toMatchObject({ type: 'transaction-max-size-exceeded', maxSize: 16_777_216 })
  })

  it('may name a stream once, and have to name one', async () => {
    const { client } = await serve()
    await expect(
      client.multiStreamAppend(session(['Order-1', 'any', placed(1)], ['Order-1', 'any', placed(1)])),
    ).rejects.toThrow('twice')
    await expect(client.multiStreamAppend([])).rejects.toThrow('no requests')
    await expect(client.multiStreamAppend(session(['Order-1', 'any', []]))).rejects.toThrow('no records')
  })

  it('say in the details of a refusal what kind of failure it is, and which field is wrong', async () => {
    const { client } = await serve()
    const refusal = (append: Promise<unknown>) => append.catch((error: unknown) => error)
    const empty = await refusal(client.multiStreamAppend(session(['Order-1', 'any', []])))
    expect([reasonIn(empty), badRequestIn(empty)]).toEqual([
      'server: BAD_REQUEST',
      [{ field: '', description: expect.stringContaining('no records') }],
    ])
    const named = await refusal(client.appendRecords(records(['x'.repeat(1_001), placed(1)[0]])))
    expect([reasonIn(named), badRequestIn(named)]).toMatchObject(['server: BAD_REQUEST', [{ description: /1001/ }]])
    const view = await refusal(client.multiStreamAppend(session(['$ce-Order', 'any', placed(1)])))
    expect([view, reasonIn(view)]).toMatchObject([{ type: 'access-denied' }, 'server: ACCESS_DENIED'])
    const closed = await refusal(client.multiStreamAppend([]))
    expect(reasonIn(closed)).toBe('streams: APPEND_SESSION_NO_REQUESTS')
  })

  it('are read with what was said about them, and in which format', async () => {
    const { client } = await serve()
    const json = jsonEvent('Placed', { a: 1 }, { metadata: { user: 'ü' } })
    const bytes = binaryEvent('Blob', Uint8Array.of(0, 255))
    await client.multiStreamAppend(session(['Order-1', 'any', [json, bytes]]))
    const [first, second] = await all(client.readStream('Order-1'))
    const said = { user: 'ü', '$schema.name': 'Placed', '$schema.format': 'Json' }
    expect(first?.event).toMatchObject({ id: json.id, data: { a: 1 }, metadata: said, isJson: true })
    expect(second?.event).toMatchObject({ isJson: false, metadata: { '$schema.format': 'Bytes' } })
  })

  it('may use ids again that other streams have', async () => {
    const { client } = await serve()
    const events = placed(2)
    await client.multiStreamAppend(session(['Order-1', 'no_stream', events], ['Order-2', 'no_stream', events]))
    const read = [...(await all(client.readStream('Order-1'))), ...(await all(client.readStream('Order-2')))]
    expect(read.map(({ event }) => event?.id)).toEqual([...events, ...events].map(({ id }) => id))
  })
})

describe.each(servedStores())('appends with checks over %s', (_, serve) => {
  it('are written together, and tell where each stream ended', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const [a, b, c] = placed(3)
    const result = await client.appendRecords(
      records(['Order-1', a], ['Order-2', b], ['Order-1', c]),
      checks(['Order-1', 1n], ['Order-9', 'no_stream']),
    )
    expect(result).toEqual({
      position: 5n,
      responses: [
        { streamName: 'Order-1', revision: 3n },
        { streamName: 'Order-2', revision: 0n },
      ],
    })
  })

  it('are answered with the first result when they are sent again, although that broke their checks', async () => {
    const { client } = await serve()
    const [a, b] = placed(2)
    const append = () => client.appendRecords(records(['Order-1', a], ['Order-2', b]), checks(['Order-1', 'no_stream']))
    const first = await append()
    await appendTo(client, 'Order-1', placed(1))
    expect(await append()).toEqual(first)
    expect(await all(client.readAll())).toHaveLength(3)
  })

  it('tell every check that fails, and write nothing', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(2))
    const failing = checks(['Order-1', 1n], ['Order-1', 0n], ['Order-2', 'stream_exists'], ['Order-1', 'no_stream'])
    const refused = client.appendRecords(records(['Order-3', placed(1)[0]]), failing)
    await expect(refused).rejects.toMatchObject({
      type: 'append-consistency-violation',
      violations: [
        { checkIndex: 1, streamName: 'Order-1', expectedState: 0n, actualState: 1n },
        { checkIndex: 2, streamName: 'Order-2', expectedState: 'stream_exists', actualState: 'no_stream' },
        { checkIndex: 3, streamName: 'Order-1', expectedState: 'no_stream', actualState: 1n },
      ],
    })
    expect(await all(client.readAll())).toHaveLength(2)
  })

  it('know streams that were deleted or closed', async () => {
    const { client } = await serve()
    for (const stream of ['Order-1', 'Order-2']) await appendTo(client, stream, placed(1))
    await client.deleteStream('Order-1')
    await client.tombstoneStream('Order-2')
    const append = (...of: [string, unknown][]) =>
      client.appendRecords(records(['Order-3', placed(1)[0]]), checks(...of))
    await append(['Order-1', -5n], ['Order-2', -6n])
    await append(['Order-1', 'no_stream'])
    await append(['Order-2', 'no_stream'], ['Order-2', 'any'], ['Order-9', 'any'])
    await expect(append(['Order-1', 0n])).rejects.toMatchObject({ violations: [{ actualState: -5n }] })
    await expect(append(['Order-3', -5n], ['Order-1', -6n])).rejects.toMatchObject({
      violations: [{ actualState: 2n }, { actualState: -5n }],
    })
    await expect(append(['Order-3', -3n])).rejects.toThrow('no state')
    for (const of of [[], ['no_stream'], ['any'], [-6n]]) {
      const expected = of.map((state): [string, unknown] => ['Order-2', state])
      const closed = client.appendRecords(records(['Order-2', placed(1)[0]]), checks(...expected))
      await expect(closed).rejects.toMatchObject({ violations: [{ streamName: 'Order-2', actualState: -6n }] })
    }
  })

  it('let one win of those who race for the same state', async () => {
    const { client } = await serve()
    const races = Array.from({ length: 20 }, (__, at) =>
      client.appendRecords(
        records([`Order-${at}`, placed(1)[0]]),
        checks(['Lock', 'no_stream'], [`Order-${at}`, 'no_stream']),
      ),
    )
    expect((await Promise.allSettled(races)).filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
    const locks = Array.from({ length: 20 }, () =>
      client.appendRecords(records(['Lock', placed(1)[0]]), checks(['Lock', 'no_stream'])),
    )
    expect((await Promise.allSettled(locks)).filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe.each(servedStores())('a subscription that has caught up over %s', (_, serve) => {
  it('tells where: in its stream, or in the store', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(3))
    const [ofStream, ofAll] = [listen(client.subscribeToStream('Order-1')), listen(client.subscribeToAll())]
    await expect.poll(() => ofStream.caughtUp).toMatchObject([{ revision: 2n }])
    await expect.poll(() => ofAll.caughtUp).toMatchObject([{ position: { commit: 3n, prepare: 3n } }])
    expect(briefly(ofAll.events)).toHaveLength(3)
  })
})
