import { describe, expect, it } from 'vitest'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, jsonEvent, placed } from '../talk.ts'

/** What is asked for of a stream of five events, and the revisions that come. */
const asked: [string, object, number[]][] = [
  ['everything', {}, [0, 1, 2, 3, 4]],
  ['from a revision on, inclusive', { fromRevision: 2n }, [2, 3, 4]],
  ['up to a count', { maxCount: 2 }, [0, 1]],
  ['from a revision on, up to a count', { fromRevision: 1n, maxCount: 3 }, [1, 2, 3]],
  ['from behind the end', { fromRevision: 9n }, []],
  ['backwards from the end', { direction: 'backwards', fromRevision: 'end' }, [4, 3, 2, 1, 0]],
  ['the last event', { direction: 'backwards', fromRevision: 'end', maxCount: 1 }, [4]],
  ['backwards from a revision on, inclusive', { direction: 'backwards', fromRevision: 2n }, [2, 1, 0]],
  ['backwards from behind the end', { direction: 'backwards', fromRevision: 99n, maxCount: 2 }, [4, 3]],
]

describe.each(servedStores())('reading a stream over %s', (_, serve) => {
  it('gives what is asked for, in both directions', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(5))
    await appendTo(client, 'Order-2', placed(5))
    for (const [what, options, revisions] of asked) {
      const read = await all(client.readStream('Order-1', options))
      expect({ what, revisions: read.map(({ event }) => Number(event?.revision)) }).toEqual({ what, revisions })
    }
  })

  it('gives each event with everything that is known of it', async () => {
    const { client } = await serve()
    const before = Date.now()
    const event = jsonEvent('Placed', { total: 12 }, { metadata: { user: 'a' } })
    await appendTo(client, 'Order-1', [...placed(1), event])
    const [, read] = await all(client.readStream('Order-1'))
    expect(read).toMatchObject({
      commitPosition: 2n,
      event: {
        id: event.id,
        type: 'Placed',
        streamId: 'Order-1',
        revision: 1n,
        position: { commit: 2n, prepare: 2n },
        data: { total: 12 },
        metadata: { user: 'a' },
        isJson: true,
      },
    })
    // The newer client rounds to seconds.
    expect(Math.abs((read?.event?.created.getTime() ?? 0) - before)).toBeLessThan(5_000)
  })

  it('gives thousands of events in their order', async () => {
    const { client } = await serve()
    for (let from = 0; from < 5_000; from += 1_000) await appendTo(client, 'Order-1', placed(1_000, from))
    const read = await all(client.readStream('Order-1'))
    expect(read.map(({ event }) => event?.data)).toEqual(placed(5_000).map(({ data }) => data))
    const back = await all(
      client.readStream('Order-1', { direction: 'backwards', fromRevision: 'end', maxCount: 3_000 }),
    )
    expect(back.map(({ event }) => Number(event?.revision))).toEqual([...Array(3_000).keys()].map((at) => 4_999 - at))
  })

  it('gives events of the largest size', async () => {
    const { client } = await serve()
    const large = 'x'.repeat(1_000_000)
    for (let count = 0; count < 5; count++) await appendTo(client, 'Order-1', jsonEvent('Placed', large))
    const read = await all(client.readStream('Order-1'))
    expect(read.map(({ event }) => event?.data === large)).toEqual(Array(5).fill(true))
  })

  it('may be left before its end', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1_000))
    for (let count = 0; count < 50; count++) {
      for await (const { event } of client.readStream('Order-1')) {
        if (event?.revision === 3n) break
      }
    }
    expect(await all(client.readStream('Order-1'))).toHaveLength(1_000)
  })

  it('says that there is no such stream', async () => {
    const { client } = await serve()
    for (const stream of ['Order-1', '$$Order-1', '$ce-Order', '$all']) {
      await expect(all(client.readStream(stream))).rejects.toMatchObject({ type: 'stream-not-found' })
      const back = client.readStream(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })
      await expect(all(back)).rejects.toMatchObject({ type: 'stream-not-found' })
    }
  })

  it('shows what others appended, and shows them what it appended', async () => {
    const { client, server } = await serve()
    await server.store.append('Order-1', [{ type: 'Placed', data: { by: 'varve' }, metadata: { userId: 'u' } }])
    await appendTo(client, 'Order-1', jsonEvent('Paid', { by: 'kurrent' }, { metadata: { a: 1 } }), 0n)
    const read = await all(client.readStream('Order-1'))
    expect(briefly(read)).toEqual(['Order-1/0 Placed', 'Order-1/1 Paid'])
    expect(read[0]?.event).toMatchObject({ data: { by: 'varve' }, metadata: { user_id: 'u' } })
    const last = await server.store.readStream('Order-1').last()
    expect(last).toMatchObject({ version: 2, type: 'Paid', data: { by: 'kurrent' }, metadata: { a: 1 } })
  })

  describe('with links', () => {
    it('gives the events that links lead to, beside the links', async () => {
      const { client } = await serve()
      await appendTo(client, 'Order-1', placed(2))
      await appendTo(client, 'Links', [jsonLink('1@Order-1'), ...placed(1), jsonLink('0@Order-1')])
      expect(briefly(await all(client.readStream('Links', { resolveLinkTos: true })))).toEqual([
        'Order-1/1 Placed by Links/0',
        'Links/1 Placed',
        'Order-1/0 Placed by Links/2',
      ])
      expect(briefly(await all(client.readStream('Links')))).toEqual(['Links/0 $>', 'Links/1 Placed', 'Links/2 $>'])
    })

    it('gives links alone that lead nowhere', async () => {
      const { client } = await serve()
      await appendTo(client, 'Order-1', placed(2))
      await appendTo(client, 'Order-2', placed(1))
      const links = ['7@Order-1', '0@Order-9', 'nothing', '', '0@', '-1@Order-1', `0@${'x'.repeat(2_000)}`, '0@Order-2']
      await appendTo(client, 'Links', links.map(jsonLink))
      await client.deleteStream('Order-2')
      const read = await all(client.readStream('Links', { resolveLinkTos: true }))
      expect(read.map(({ event, link }) => [event, link?.type])).toEqual(links.map(() => [undefined, '$>']))
    })
  })
})

/** A link as projections of KurrentDB write them. */
function jsonLink(data: string) {
  return { ...jsonEvent('$>', null), contentType: 'application/octet-stream', data: Buffer.from(data) } as never
}
