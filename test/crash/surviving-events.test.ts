import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { memory } from '../../store/src/engines/memory/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { appendSent } from './appends.ts'
import type { Sent, SentWrite } from './journal.ts'
import { expectKept, type Place, promisedPlaces, survivingEvents } from './surviving-events.ts'

const [first, second] = ['0198c6e2-0000-7000-8000-000000000001', '0198c6e2-0000-7000-8000-000000000002'] as const
const both: Sent = {
  kind: 'sent',
  request: 1,
  writes: [{ streamId: 'Own-1', expectedVersion: 'any', ids: [first, second], fillerChars: 10 }],
}

describe('the check after a kill', () => {
  it('is content with a store that kept everything', async () => {
    await using store = openStore({ engine: memory() })
    const acknowledged = await appendSent(store, both)
    const found = await survivingEvents(store)
    expect(() => expectKept(promisedPlaces(both, acknowledged, 1), found)).not.toThrow()
  })

  it('notices an acknowledged event that is gone', async () => {
    await using store = openStore({ engine: memory() })
    const acknowledged = await appendSent(store, both)
    const found = new Map(await survivingEvents(store))
    found.delete(second)
    expect(() => expectKept(promisedPlaces(both, acknowledged, 1), found)).toThrow('is lost')
  })

  it('notices an acknowledged event that lies elsewhere', async () => {
    await using store = openStore({ engine: memory() })
    const acknowledged = await appendSent(store, both)
    const promised = promisedPlaces(both, { ...acknowledged, firstPosition: acknowledged.firstPosition + 1 }, 1)
    expect(() => expectKept(promised, new Map())).toThrow('is lost')
    const found = await survivingEvents(store)
    expect(() => expectKept(promised, found)).toThrow('is now at')
  })

  it('knows the places in each shard of a log', async () => {
    await using store = openStore({ engine: memory({ logShards: 4 }) })
    const writes = Array.from({ length: 6 }, (_, nth): SentWrite => {
      const ids = [randomUUID(), randomUUID()]
      return { streamId: `Own-${nth}`, expectedVersion: 'any', ids, fillerChars: 10 }
    })
    const acknowledged = await appendSent(store, { ...both, writes })
    const promised = promisedPlaces({ ...both, writes }, acknowledged, 4)
    const found = await survivingEvents(store)
    expect(() => expectKept(promised, found)).not.toThrow()
    const known = [...promised].filter(([, { position }]) => position !== undefined)
    expect(known.length).toBeGreaterThanOrEqual(2)
    const [id, place] = known.at(-1) as [string, Place]
    const moved = new Map([...found, [id, { ...place, position: (place.position ?? 0) + 4 }]])
    expect(() => expectKept(promised, moved)).toThrow('is now at')
  })

  it('notices an append of which only a part is there', async () => {
    await using store = openStore({ engine: memory() })
    await store.append('Own-1', [{ id: first, type: 'Noted', data: { request: 1, of: 2, filler: '' } }])
    await expect(survivingEvents(store)).rejects.toThrow('1 events of append 1 are missing')
  })
})
