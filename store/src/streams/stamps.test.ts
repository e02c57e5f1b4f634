import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'

const noted = { type: 'Noted', data: {} }
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const telling = (now: () => number): Clock => ({ ...systemClock, now })

describe('times and ids of events', () => {
  it('are whole, and found again, whatever moment a clock tells', async () => {
    for (const now of [1_700_000_000_000.75, -1.5, 0, 400_000_000_000_000, 8_640_000_000_000_000]) {
      const store = openStore({ engine: memory(), clock: telling(() => now) })
      const { eventIds } = await store.append('Note-1', [noted, noted])
      for (const id of eventIds) {
        match(id, uuidV7)
        equal((await store.readEvent(id))?.recordedAtMs, Math.floor(now))
      }
    }
  })

  it('come from a clock that is an instance of a class as well', async () => {
    class Watch implements Clock {
      readonly #ms = 1_700_000_000_000
      readonly sleep = systemClock.sleep
      readonly turn = systemClock.turn
      now(): number {
        return this.#ms
      }
    }
    const store = openStore({ engine: memory(), clock: new Watch() })
    await store.append('Note-1', [noted])
    equal((await store.readAll().first())?.metadata.timestamp, '2023-11-14T22:13:20.000Z')
  })

  it('refuse a clock that tells no time, before anything is sent', async () => {
    for (const now of [Number.NaN, Number.POSITIVE_INFINITY, 9_000_000_000_000_000]) {
      const store = openStore({ engine: memory(), clock: telling(() => now) })
      await rejects(store.append('Note-1', [noted]), { code: 'INVALID_ARGUMENT', argument: 'clock' })
      equal(await store.head(), 0)
    }
  })

  it('refuse ids that are no UUIDs, and store the others in lower case', async () => {
    const given = ['01J5XQ', '0198C6E2-0000-7000-8000-00000000000A']
    const store = openStore({ engine: memory(), newId: () => String(given.shift()) })
    await rejects(store.append('Note-1', [noted]), { code: 'INVALID_ARGUMENT', argument: 'newId' })
    const { eventIds } = await store.append('Note-1', [noted])
    deepEqual(eventIds, ['0198c6e2-0000-7000-8000-00000000000a'])
  })
})
