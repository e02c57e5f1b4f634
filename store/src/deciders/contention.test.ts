import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { EventReader } from '../model/call.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { defineDecider } from './decider.ts'
import { execute } from './execute.ts'

const seats = 80

/** Every event says what it was decided on, so that a replay can tell whether it was right. */
const show = defineDecider({
  events: defineEvents({ SeatTaken: event<{ seat: number }>() }),
  initialState: () => 0,
  decide: (_: 'take', taken) => {
    if (taken === seats) throw new RangeError('sold out')
    return { type: 'SeatTaken', data: { seat: taken + 1 } }
  },
  evolve: (taken) => taken + 1,
})

const take = (store: EventStore, streamId: string, signal?: AbortSignal) =>
  execute(store, { decider: show, streamId, command: 'take' }, signal ? { signal } : {})

onEveryEngine((open) => {
  it('of 1,000 commands at once on 10 streams all that may land do, each decided once, on what was there', async () => {
    const store = await open()
    const streams = Array.from({ length: 10 }, (_, nth) => `Show-${nth}`)
    const sent = Array.from({ length: 1_000 }, (_, nth) => take(store, `Show-${nth % 10}`))
    const settled = await Promise.allSettled(sent)
    const done = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    deepEqual([done.length, [...new Set(refused)]], [10 * seats, ['RangeError: sold out']])
    equal(
      done.every(({ attempts }) => attempts === 1),
      true,
    )
    for (const streamId of streams) {
      const events = await store.readStream(streamId).toArray()
      deepEqual(
        events.map(({ data }) => data),
        Array.from({ length: seats }, (_, index) => ({ seat: index + 1 })),
      )
    }
  })
})

describe('commands that wait for their turn', () => {
  it('leave when their signal aborts, and hold up nobody', async () => {
    const store = openStore({ engine: memory() })
    const reason = new Error('the caller went away')
    const leaving = new AbortController()
    const [first, second, third] = [take(store, 'Show-1'), take(store, 'Show-1', leaving.signal), take(store, 'Show-1')]
    leaving.abort(reason)
    equal(await second.catch((error: unknown) => error), reason)
    deepEqual([(await first).version, (await third).version], [1, 2])
    equal(await take(store, 'Show-1', AbortSignal.abort(reason)).catch((error: unknown) => error), reason)
  })

  it('go on after one that failed', async () => {
    const store = openStore({ engine: memory() })
    const refuse = (): never => {
      throw new RangeError('never')
    }
    const failing = execute(store, { decider: { ...show, decide: refuse }, streamId: 'Show-1', command: 'take' })
    const next = take(store, 'Show-1')
    await failing.catch(() => undefined)
    equal((await next).version, 1)
  })

  it('do not wait for other streams', async () => {
    const inner = openStore({ engine: memory() })
    const stuck: Pick<AsyncIterable<never>, typeof Symbol.asyncIterator> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    }
    const readStream = (streamId: string) =>
      streamId === 'Show-1' ? (stuck as EventReader) : inner.readStream(streamId)
    const store = { ...inner, readStream }
    void take(store, 'Show-1')
    equal((await take(store, 'Show-2')).version, 1)
  })
})
