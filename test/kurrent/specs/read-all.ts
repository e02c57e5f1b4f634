import { describe, expect, it } from 'vitest'
import { at, everything, fill } from '../six-events.ts'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, jsonEvent, placed } from '../talk.ts'

/** What is asked for, and what comes of it. */
const asked: [string, object, string[]][] = [
  ['everything, system events too', {}, everything],
  ['from a position on, inclusive', { fromPosition: at(5n) }, everything.slice(4)],
  ['up to a count', { maxCount: 2 }, everything.slice(0, 2)],
  ['from behind the end', { fromPosition: at(99n) }, []],
  ['backwards from the end', { direction: 'backwards', fromPosition: 'end' }, everything.toReversed()],
  ['the last event', { direction: 'backwards', fromPosition: 'end', maxCount: 1 }, everything.slice(5)],
  [
    'backwards from below a position',
    { direction: 'backwards', fromPosition: at(3n) },
    everything.slice(0, 2).reverse(),
  ],
  ['backwards from the first event', { direction: 'backwards', fromPosition: at(1n) }, []],
]

describe.each(servedStores())('reading all streams over %s', (_, serve) => {
  it('gives what is asked for, in both directions', async () => {
    const { client } = await serve()
    await fill(client)
    for (const [what, options, events] of asked) {
      expect({ what, events: briefly(await all(client.readAll(options))) }).toEqual({ what, events })
    }
  })

  it('gives nothing of a store that is empty', async () => {
    const { client } = await serve()
    expect(await all(client.readAll())).toEqual([])
    expect(await all(client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 }))).toEqual([])
  })

  it('gives positions to go on from, in both directions', async () => {
    const { client } = await serve()
    await fill(client)
    const [, second] = await all(client.readAll({ maxCount: 2 }))
    const { position } = second?.event ?? {}
    if (position === undefined) throw new Error('The event has no position.')
    expect(briefly(await all(client.readAll({ fromPosition: position })))).toEqual(everything.slice(1))
    const back = client.readAll({ fromPosition: position, direction: 'backwards' })
    expect(briefly(await all(back))).toEqual(everything.slice(0, 1))
  })

  it('gives what links lead to when asked', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    const link = { ...jsonEvent('$>', null), contentType: 'application/octet-stream', data: Buffer.from('0@Order-1') }
    await appendTo(client, 'Links', link as never)
    const read = await all(client.readAll({ resolveLinkTos: true }))
    expect(briefly(read)).toEqual(['Order-1/0 Placed', 'Order-1/0 Placed by Links/0'])
    expect(read[1]?.commitPosition).toBe(2n)
  })

  it('shows a stream that was closed for ever as KurrentDB does', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    await client.tombstoneStream('Order-1')
    const [, closing] = await all(client.readAll())
    expect(closing?.event).toMatchObject({ streamId: 'Order-1', type: '$streamDeleted', revision: 2n ** 63n - 1n })
  })
})
