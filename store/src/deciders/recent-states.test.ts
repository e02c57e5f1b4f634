import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { ask, askAll, by, guests, show, watched } from '../../../test/deciders/show.ts'
import { memory } from '../engines/memory/index.ts'
import { memoryKeys } from '../erasure/memory-keys.ts'
import { withPersonalData } from '../erasure/with-personal-data.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { defineDecider } from './decider.ts'
import { execute } from './execute.ts'
import { recentStates } from './recent-states.ts'

/** The same storage as another process has it. */
const beside = (store: EventStore): EventStore => ({ ...store })

describe('a state that is remembered', () => {
  it('spares the next command its read', async () => {
    const { store, calls } = watched()
    const options = { recent: recentStates() }
    const told: string[] = []
    for (const one of by('ann', 'bob', 'cy')) told.push(...(await askAll(store, [{ ...one, options }])))
    deepEqual(told, ['version 1', 'version 2', 'version 3'])
    deepEqual(calls, ['read', 'append 1', 'append 1', 'append 1'])
    deepEqual(await guests(store), ['ann', 'bob', 'cy'])
  })

  it('spares it to commands that are decided together', async () => {
    const { store, calls } = watched()
    const options = { recent: recentStates() }
    await ask(store, { by: 'ann', options })
    deepEqual(
      await askAll(
        store,
        by('bob', 'cy').map((one) => ({ ...one, options })),
      ),
      ['version 2', 'version 3'],
    )
    deepEqual(calls, ['read', 'append 1', 'append 2'])
  })

  it('is brought up to date when another process appended, at no attempt', async () => {
    const { store, calls } = watched()
    const options = { recent: recentStates(), attemptsMax: 1 }
    await ask(store, { by: 'ann', options })
    await ask(beside(store), { by: 'eve' })
    calls.length = 0
    deepEqual(await askAll(store, [{ by: 'bob', options }]), ['version 3'])
    deepEqual(calls, ['append 1', 'read', 'append 1'])
    deepEqual(await guests(store), ['ann', 'eve', 'bob'])
  })

  it.each([
    ['refuses nobody for what is no longer so', ['ann', 'bob', 'cy', 'di'], 'ed', 'version 5'],
    ['answers from no old version', ['ann'], 'nobody', 'version 1'],
  ])('%s', async (_, first, next, told) => {
    const { store } = watched()
    const options = { recent: recentStates() }
    for (const one of by(...first)) await ask(store, { ...one, options })
    await store.deleteStream('Show-1')
    deepEqual(await askAll(store, [{ by: next, options }]), [next === 'nobody' ? 'version 0' : told])
  })

  it('is not kept when the stream was truncated while the command was on its way', async () => {
    const recent = recentStates()
    const options = { recent }
    let isFirst = true
    const { store } = watched(async (inner) => {
      if (!isFirst) return
      isFirst = false
      await inner.truncateBefore('Show-1', 3)
      // A command on another stream is told of it first.
      await execute(store, { decider: show, streamId: 'Show-2', command: { by: 'eve' } }, options)
    })
    await store.append(
      'Show-1',
      [1, 2].map((seat) => ({ type: 'SeatTaken', data: { by: 'x', seat, note: '' } })),
    )
    for (const one of by('cy', 'di')) await ask(store, { ...one, options })
    const seats = (await store.readStream('Show-1').toArray()).map(({ data }) => (data as { seat: number }).seat)
    deepEqual(seats, [3, 2])
  })

  it('knows no command that was executed before, and looks for it', async () => {
    const { store } = watched()
    const recent = recentStates()
    const once = (name: string, commandId: string) => ({ by: name, options: { recent, commandId } })
    deepEqual(await askAll(store, [once('ann', 'c1'), once('bob', 'c2')]), ['version 1', 'version 2'])
    deepEqual(await askAll(store, [once('ann', 'c1')]), ['version 1 again'])
    deepEqual(await askAll(store, [once('nobody', 'c2'), once('cy', 'c3')]), ['version 2 again', 'version 3'])
    deepEqual(await askAll(store, [once('di', 'c4'), once('cy', 'c3'), once('ed', 'c5')]), [
      'version 4',
      'version 3 again',
      'sold out',
    ])
  })

  it('is let go of when it is the one that was used longest ago', async () => {
    const { store, calls } = watched()
    const recent = recentStates({ streamsMax: 2 })
    const decider = defineDecider({
      events: defineEvents({ Counted: event<{ n: number }>() }),
      initialState: () => 0,
      decide: (_: 'count', n) => ({ type: 'Counted', data: { n: n + 1 } }),
      evolve: (_, { data }) => data.n,
    })
    for (const id of [1, 2, 1, 3, 1, 2]) {
      await execute(store, { decider, streamId: `Counter-${id}`, command: 'count' }, { recent })
    }
    deepEqual(calls.filter((call) => call === 'read').length, 4)
  })

  it('is of the rules that folded it', async () => {
    const store = openStore({ engine: memory() })
    const events = defineEvents({ Counted: event<{ n: number }>() })
    const rules = (step: number) =>
      defineDecider({
        events,
        initialState: () => 0,
        decide: (_: 'count', n) => ({ type: 'Counted', data: { n } }),
        evolve: (n) => n + step,
      })
    const recent = recentStates()
    const deciders = [rules(1), rules(100)]
    for (const nth of [0, 1, 0, 0, 1, 1]) {
      const decider = deciders[nth] as (typeof deciders)[number]
      await execute(store, { decider, streamId: 'Counter-1', command: 'count' }, { recent })
    }
    const stored = await store.readStream('Counter-1').toArray()
    deepEqual(
      stored.map(({ data }) => (data as { n: number }).n),
      [0, 100, 2, 3, 400, 500],
    )
  })

  it('is due for a snapshot as one that is read, and for the next one when as many events have come again', async () => {
    const store = openStore({ engine: memory() })
    const decider = defineDecider({
      events: defineEvents({ Counted: event<{ n: number }>() }),
      initialState: () => ({ n: 0 }),
      decide: (_: 'count', { n }) => ({ type: 'Counted', data: { n: n + 1 } }),
      evolve: (state, { data }) => Object.assign(state, data),
      snapshot: { name: 'counter', everyEvents: 3 },
    })
    const recent = recentStates()
    const outcomes: unknown[] = []
    for (let nth = 0; nth < 8; nth++) {
      const done = await execute(store, { decider, streamId: 'Counter-1', command: 'count' }, { recent })
      outcomes.push(await done.snapshot)
    }
    const none = { status: 'not_due' }
    const taken = (version: number) => ({ status: 'taken', version })
    deepEqual(outcomes, [none, none, none, taken(3), none, none, taken(6), none])
    const [kept] = await store.shelf.list({ prefix: 'snapshot/' }).toArray()
    deepEqual((kept as { value: { state: unknown } }).value.state, { n: 6 })
  })
})

describe('states are not remembered', () => {
  it('of a store with personal data, nor of what is made of it', async () => {
    const store = withPersonalData(openStore({ engine: memory() }), {
      events: defineEvents({ A: event() }),
      keys: memoryKeys(),
    })
    const options = { recent: recentStates() }
    const refused = { code: 'INVALID_ARGUMENT', argument: 'recent' }
    await rejects(ask(store, { by: 'ann', options }), refused)
    await rejects(ask({ ...store }, { by: 'ann', options }), refused)
    equal(await store.head(), 0)
  })

  it('by what is no memory', async () => {
    const store = openStore({ engine: memory() })
    await rejects(ask(store, { by: 'ann', options: { recent: { streamsMax: 1 } } }), { argument: 'recent' })
    throws(() => recentStates({ streamsMax: 0 }), { code: 'INVALID_ARGUMENT', argument: 'streamsMax' })
  })
})
