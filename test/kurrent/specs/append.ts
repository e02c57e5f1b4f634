import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, binaryEvent, briefly, type Expected, jsonEvent, placed, refusedAt } from '../talk.ts'

/** With credentials the clients append in another way: by Append, and not by BatchAppend. */
const classic = { credentials: { username: 'admin', password: 'changeit' } }

describe.each(servedStores())('appends over %s', (_, serve) => {
  describe.each([
    ['BatchAppend', {}],
    ['Append', classic],
  ])('by %s', (__, way) => {
    it('appends events, and tells the revision and position of the last one', async () => {
      const { client } = await serve()
      const first = await appendTo(client, 'Order-1', placed(2), 'no_stream', way)
      expect(first).toEqual({ success: true, nextExpectedRevision: 1n, position: { commit: 2n, prepare: 2n } })
      const second = await appendTo(client, 'Order-1', placed(1), 1n, way)
      expect(second).toMatchObject({ nextExpectedRevision: 2n, position: { commit: 3n, prepare: 3n } })
    })

    it('keeps payloads and metadata byte for byte, whatever they are', async () => {
      const { client, server } = await serve()
      const bytes = Uint8Array.from({ length: 256 }, (___, index) => index)
      const odd = jsonEvent('Größe', { 'ü💜': 1e21, n: null }, { metadata: { $correlationId: 'a', x: [] } })
      await appendTo(client, 'Order-ü💜', [binaryEvent('Blob', bytes, { metadata: bytes }), odd], 'any', way)
      const [blob, json] = await all(client.readStream('Order-ü💜'))
      expect(blob?.event).toMatchObject({ isJson: false, type: 'Blob' })
      expect(Buffer.from(blob?.event?.data as Uint8Array)).toEqual(Buffer.from(bytes))
      expect(Buffer.from(blob?.event?.metadata as Uint8Array)).toEqual(Buffer.from(bytes))
      expect(json?.event).toMatchObject({
        id: odd.id,
        type: odd.type,
        data: odd.data,
        metadata: odd.metadata,
        isJson: true,
      })
      const stored = await server.store.readStream('Order-ü💜').last()
      expect(stored?.metadata).toMatchObject({ $correlationId: 'a', x: [] })
    })

    it('tells metadata that is an empty object from none', async () => {
      const { client } = await serve()
      const events = [undefined, {}, { a: 1 }].map((metadata) => jsonEvent('Placed', {}, { metadata }))
      await appendTo(client, 'Order-1', events, 'any', way)
      const read = await all(client.readStream('Order-1'))
      expect(read.map(({ event }) => event?.metadata)).toEqual([undefined, {}, { a: 1 }])
    })

    it('refuses every expectation that does not hold, and writes nothing', async () => {
      const { client } = await serve()
      await appendTo(client, 'Order-1', placed(2))
      const wrong: [string, Expected][] = [
        ['Order-1', 'no_stream'],
        ['Order-1', 0n],
        ['Order-1', 2n],
        ['Order-2', 0n],
        ['Order-2', 7n],
        ['Order-2', 'stream_exists'],
      ]
      for (const [stream, expected] of wrong) {
        await refusedAt(appendTo(client, stream, placed(1), expected, way), stream === 'Order-1' ? 1n : 'no_stream')
      }
      expect(await all(client.readAll())).toHaveLength(2)
    })

    it('tells of a refusal instead of throwing, to a client that prefers that', async () => {
      const { connect } = await serve()
      const client = connect('', '&throwOnAppendFailure=false')
      await appendTo(client, 'Order-1', placed(2))
      const refused = await appendTo(client, 'Order-1', placed(1), 'no_stream', way)
      expect(refused).toMatchObject({ success: false, position: undefined })
    })

    it('takes an append without events for a question', async () => {
      const { client } = await serve()
      await appendTo(client, 'Order-1', placed(2))
      expect(await appendTo(client, 'Order-1', [], 1n, way)).toMatchObject({ success: true, nextExpectedRevision: 1n })
      expect(await appendTo(client, 'Order-2', [], 'no_stream', way)).toMatchObject({ success: true })
      await expect(appendTo(client, 'Order-1', [], 0n, way)).rejects.toMatchObject({ type: 'wrong-expected-version' })
      await expect(all(client.readStream('Order-2'))).rejects.toMatchObject({ type: 'stream-not-found' })
    })

    it('refuses an event that is larger than any may be, and says how large that is', async () => {
      const { client } = await serve()
      const large = jsonEvent('Placed', 'x'.repeat(1_048_576))
      const refused = appendTo(client, 'Order-1', [...placed(1), large], 'any', way)
      await expect(refused).rejects.toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 1_048_576 })
      const fits = jsonEvent('Placed', 'x'.repeat(1_048_500))
      expect(await appendTo(client, 'Order-1', fits, 'no_stream', way)).toMatchObject({ success: true })
    })

    it('refuses to write to what is a view', async () => {
      const { client } = await serve()
      for (const stream of ['$ce-Order', '$et-Placed', '$streams', '$category-Order', '$all']) {
        await expect(appendTo(client, stream, placed(1), 'any', way)).rejects.toMatchObject({ type: 'access-denied' })
      }
    })
  })

  it('takes each append once, however many are under way', async () => {
    const { client } = await serve()
    const results = await Promise.all(placed(500).map((event) => appendTo(client, 'Order-1', event)))
    const revisions = results.map(({ nextExpectedRevision }) => Number(nextExpectedRevision))
    expect(revisions.sort((left, right) => left - right)).toEqual([...Array(500).keys()])
    expect(new Set((await all(client.readStream('Order-1'))).map(({ event }) => event?.id)).size).toBe(500)
  })

  it('takes an append that comes in parts, all or none', async () => {
    const { client } = await serve()
    const events = placed(1_000)
    const result = await appendTo(client, 'Order-1', events, 'no_stream', { batchAppendSize: 2_000 })
    expect(result).toMatchObject({ nextExpectedRevision: 999n })
    const refused = appendTo(client, 'Order-1', placed(1_000), 0n, { batchAppendSize: 2_000 })
    await expect(refused).rejects.toMatchObject({ type: 'wrong-expected-version' })
    expect(await all(client.readStream('Order-1'))).toHaveLength(1_000)
  })

  it('ignores credentials, also wrong ones, where nobody has to log in', async () => {
    const { client, login } = await serve()
    const credentials = { username: 'nobody', password: randomUUID() }
    const appended = appendTo(client, 'Order-1', placed(1), 'any', { credentials })
    if (login !== 'anonymous') return expect(appended).rejects.toMatchObject({ type: 'access-denied' })
    await appended
    expect(briefly(await all(client.readStream('Order-1', { credentials })))).toEqual(['Order-1/0 Placed'])
  })
})
