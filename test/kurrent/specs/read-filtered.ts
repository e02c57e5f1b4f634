import { describe, expect, it } from 'vitest'
import { everything, fill } from '../six-events.ts'
import { servedStores } from '../stage.ts'
import { all, appendTo, briefly, placed } from '../talk.ts'

const ofStreams = (more: object) => ({ filterOn: 'streamName', checkpointInterval: 1, ...more })
const ofTypes = (more: object) => ({ filterOn: 'eventType', checkpointInterval: 1, ...more })

/** Filters, and which of the events pass. */
const filters: [string, object, number[]][] = [
  ['streams by a prefix', ofStreams({ prefixes: ['Order-'] }), [0, 1, 4, 5]],
  ['streams by several prefixes', ofStreams({ prefixes: ['Order-2', 'Cust'] }), [2, 4, 5]],
  ['streams by a pattern', ofStreams({ regex: '^Order-[2-9]$' }), [4, 5]],
  ['system streams', ofStreams({ prefixes: ['$$'] }), [3]],
  ['types by a prefix', ofTypes({ prefixes: ['P'] }), [0, 1, 4, 5]],
  ['types by several prefixes', ofTypes({ prefixes: ['Pai', 'Reg'] }), [2, 5]],
  ['types by a pattern', ofTypes({ regex: '^P(aid|laced)$' }), [0, 1, 4, 5]],
  ['no system events', ofTypes({ regex: '^[^$].*' }), [0, 1, 2, 4, 5]],
  ['no system events, by what is not ahead', ofTypes({ regex: '^(?!\\$).+' }), [0, 1, 2, 4, 5]],
  ['types in any case', ofTypes({ regex: '(?i)^PAID$' }), [5]],
  ['nothing', ofStreams({ prefixes: ['Invoice-'] }), []],
]

describe.each(servedStores())('reading what passes a filter over %s', (_, serve) => {
  it('gives what the filter says, in both directions', async () => {
    const { client } = await serve()
    await fill(client)
    for (const [what, filter, passing] of filters) {
      const events = passing.map((index) => everything[index])
      expect({ what, events: briefly(await all(client.readAll({ filter } as object))) }).toEqual({ what, events })
      const last = { filter, direction: 'backwards', fromPosition: 'end', maxCount: 1 }
      expect(briefly(await all(client.readAll(last as object)))).toEqual(events.slice(-1))
    }
  })

  it('stops after a count of events that pass', async () => {
    const { client } = await serve()
    await fill(client)
    const filter = ofStreams({ prefixes: ['Order-'], maxSearchWindow: 1 })
    const read = await all(client.readAll({ filter, maxCount: 3 } as object))
    expect(briefly(read)).toEqual(['Order-1/0 Placed', 'Order-1/1 Placed', 'Order-2/0 Placed'])
  })

  it('finds a stream that was closed by the name of the stream', async () => {
    const { client } = await serve()
    await appendTo(client, 'Order-1', placed(1))
    await client.tombstoneStream('Order-1')
    const read = await all(client.readAll({ filter: ofStreams({ prefixes: ['Order-'] }) } as object))
    expect(briefly(read).at(-1)).toBe(`Order-1/${2n ** 63n - 1n} $streamDeleted`)
  })

  it('is refused, and ends nothing else, when its pattern never ends or is none', async () => {
    const { client } = await serve()
    await appendTo(client, `${'a'.repeat(60)}!`, placed(1))
    await expect(all(client.readAll({ filter: ofStreams({ regex: '^(a+)+$' }) } as object))).rejects.toThrow()
    await expect(all(client.readAll({ filter: ofStreams({ regex: '(' }) } as object))).rejects.toThrow()
    expect(await all(client.readAll())).toHaveLength(1)
  })
})
