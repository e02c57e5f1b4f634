import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { Snapshot, SnapshotOutcome, SnapshotPlace, SnapshotPolicy } from '../model/snapshot.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event, retired } from '../schema/events.ts'
import { type Decider, defineDecider } from './decider.ts'
import { execute } from './execute.ts'
import { foldStream } from './fold-stream.ts'
import { takeSnapshot } from './take-snapshot.ts'

const events = defineEvents({ Added: event<{ n: number }>(), Cleared: event<Record<never, never>>() })

interface State {
  readonly sum: number
  readonly added: readonly number[]
}

type Command = { readonly add: readonly number[] } | 'clear' | 'nothing'

function tallyWith(snapshot?: SnapshotPolicy<State>): Decider<typeof events, Command, State> {
  return defineDecider({
    events,
    initialState: (): State => ({ sum: 0, added: [] }),
    decide: (command: Command, state) => {
      if (command === 'nothing') return []
      if (command === 'clear') return state.sum === 0 ? [] : { type: 'Cleared', data: {} }
      if (state.sum + command.add.length > 1_000) throw new RangeError(`too much: ${state.sum}`)
      return command.add.map((n) => ({ type: 'Added' as const, data: { n } }))
    },
    evolve: (state, { type, data }) =>
      type === 'Cleared' ? { sum: 0, added: [] } : { sum: state.sum + data.n, added: [...state.added, data.n] },
    snapshot,
  })
}

const streamId = 'Tally-1'
const plain = tallyWith()
const everyThree = tallyWith({ name: 'tally', everyEvents: 3 })

async function run(
  store: EventStore,
  decider: typeof plain,
  command: Command,
  commandId?: string,
): Promise<SnapshotOutcome> {
  const done = await execute(store, { decider, streamId, command }, commandId === undefined ? {} : { commandId })
  return (await done.snapshot) ?? { status: 'not_due' }
}

/** A place in memory that can be looked into and tampered with. */
function placeInMemory(): SnapshotPlace & { readonly kept: Map<string, Snapshot> } {
  const kept = new Map<string, Snapshot>()
  return {
    kept,
    load: async ({ streamId: id }) => kept.get(id),
    save: async ({ streamId: id }, snapshot) => void kept.set(id, snapshot),
    remove: async (id) => void kept.delete(id),
  }
}

async function stored(store: EventStore): Promise<Snapshot> {
  const [item] = await store.shelf.list({ prefix: 'snapshot/' }).toArray()
  return item?.value as Snapshot
}

onEveryEngine((open) => {
  describe('a snapshot', () => {
    it('is taken when it is due, and the next fold reads only what came after it', async () => {
      const store = await open()
      const outcomes: SnapshotOutcome[] = []
      for (const n of [1, 2, 3, 4, 5]) outcomes.push(await run(store, everyThree, { add: [n] }))
      deepEqual(outcomes[3], { status: 'taken', version: 3 })
      deepEqual([...new Set(outcomes.filter((_, index) => index !== 3).map(({ status }) => status))], ['not_due'])
      const folded = await foldStream(store, { decider: everyThree, streamId })
      const state = { sum: 15, added: [1, 2, 3, 4, 5] }
      deepEqual(folded, { state, version: 5, position: 5, snapshotVersion: 3, eventsFolded: 2 })
    })

    it('changes no state, whatever is appended, hidden or repeated', async () => {
      const action = fc.oneof(
        { weight: 6, arbitrary: fc.record({ add: fc.array(fc.nat(9), { maxLength: 4 }) }) },
        fc.constantFrom(
          'clear' as const,
          'nothing' as const,
          'truncate' as const,
          'delete' as const,
          'snapshot' as const,
        ),
      )
      const actions = fc.sample(fc.array(action, { minLength: 12, maxLength: 12 }), { numRuns: 4, seed: 7 })
      for (const sequence of actions) {
        const store = await open()
        for (const one of sequence) {
          if (one === 'truncate') await truncateHalf(store)
          else if (one === 'delete') await store.deleteStream(streamId)
          else if (one === 'snapshot') await takeSnapshot(store, { decider: everyThree, streamId })
          else await run(store, everyThree, one)
          const { state, version, position } = await foldStream(store, { decider: everyThree, streamId })
          const whole = await foldStream(store, { decider: plain, streamId })
          deepEqual(
            { state, version, position },
            { state: whole.state, version: whole.version, position: whole.position },
          )
        }
      }
    })
  })
})

onEveryEngine((open) => {
  describe('a snapshot', () => {
    it.each([
      ['would be refused by now', { add: [600] }, { add: Array.from({ length: 500 }, () => 1) }],
      ['has nothing to do by now', 'clear' as const, { add: [] }],
      ['decides for the same number of events', { add: [7, 8] }, { add: [7, 8] }],
      ['decides for another number of events', { add: [7, 8] }, { add: [7, 8, 9] }],
    ] satisfies [string, Command, Command][])('hides no command that was executed and %s', async (_, first, again) => {
      const store = await open()
      await run(store, everyThree, { add: [1, 1, 1] })
      const task = { decider: everyThree, streamId }
      const done = await execute(store, { ...task, command: first }, { commandId: 'c1' })
      await run(store, plain, first === 'clear' ? 'nothing' : { add: [1, 1] })
      equal((await takeSnapshot(store, task)).status, 'taken')
      const repeated = await execute(store, { ...task, command: again }, { commandId: 'c1' })
      deepEqual([repeated.version, repeated.idempotent], [done.version, true])
      deepEqual(
        repeated.events.map(({ data }) => data),
        done.events.map(({ data }) => data),
      )
    })

    it('is one of the shelf, and can be removed with the others of its stream', async () => {
      const store = await open()
      const other = tallyWith({ name: 'other/name', everyEvents: 1 })
      await run(store, everyThree, { add: [1, 2, 3] })
      for (const decider of [everyThree, other]) equal((await run(store, decider, 'nothing')).status, 'taken')
      const keys = (await store.shelf.list().toArray()).map(({ key }) => key)
      deepEqual(keys, ['snapshot/Tally-1/other%2Fname', 'snapshot/Tally-1/tally'])
      const { shelfSnapshots } = await import('./snapshot-shelf.ts')
      await shelfSnapshots(store.shelf).remove(streamId)
      deepEqual(await store.shelf.list().toArray(), [])
    })
  })
})

async function truncateHalf(store: EventStore): Promise<void> {
  const { version, truncateBefore } = await store.streamInfo(streamId)
  if (version > truncateBefore) await store.truncateBefore(streamId, Math.ceil((version + truncateBefore) / 2))
}

describe('a snapshot is not used', () => {
  it.each([
    ['of another policy version', (kept: Snapshot) => ({ ...kept, policyVersion: 2 })],
    ['of another history', (kept: Snapshot) => ({ ...kept, eventId: '00000000-0000-7000-8000-000000000000' })],
    ['above the end of the stream', (kept: Snapshot) => ({ ...kept, version: 99 })],
    ['of a stream that began elsewhere', (kept: Snapshot) => ({ ...kept, firstVersion: 2 })],
    ['that is none', () => 'rubbish' as unknown as Snapshot],
    ['that has no state', ({ state: _, ...kept }: Snapshot) => kept as Snapshot],
  ])('%s', async (_, tamper) => {
    const store = openStore({ engine: memory() })
    const snapshots = placeInMemory()
    await run(store, plain, { add: [1, 2, 3] })
    const task = { decider: everyThree, streamId }
    await takeSnapshot(store, task, { snapshots })
    equal((await foldStream(store, task, { snapshots })).snapshotVersion, 3)
    const wrong = { ...(snapshots.kept.get(streamId) as Snapshot), state: { sum: -1, added: [] } }
    snapshots.kept.set(streamId, tamper(wrong))
    const { state, snapshotVersion } = await foldStream(store, task, { snapshots })
    deepEqual([state.sum, snapshotVersion], [6, 0])
  })
})

describe('taking a snapshot', () => {
  it('does not hold up the command, and happens once however many commands ask for it', async () => {
    const store = openStore({ engine: memory() })
    await run(store, plain, { add: [1, 2, 3] })
    const saving = Promise.withResolvers<void>()
    const snapshots: SnapshotPlace = { ...placeInMemory(), save: () => saving.promise }
    const task = { decider: everyThree, streamId, command: { add: [1] } }
    const first = await execute(store, task, { snapshots })
    const second = await execute(store, task, { snapshots })
    deepEqual([first.version, second.version, (await second.snapshot)?.status], [4, 5, 'under_way'])
    saving.resolve()
    deepEqual(await first.snapshot, { status: 'taken', version: 3 })
  })

  it('may fail without harm to the command, and says so', async () => {
    const store = openStore({ engine: memory() })
    await run(store, plain, { add: [1, 2, 3] })
    const full = new Error('the disk is full')
    const snapshots: SnapshotPlace = { ...placeInMemory(), save: () => Promise.reject(full) }
    const done = await execute(store, { decider: everyThree, streamId, command: { add: [4] } }, { snapshots })
    deepEqual([done.version, await done.snapshot], [4, { status: 'failed', error: full }])
  })

  it('is due after the time that a policy allows for folding', async () => {
    const store = openStore({ engine: memory() })
    const slow = tallyWith({ name: 'tally', everyEvents: 'never', afterMs: 20 })
    await run(store, slow, { add: [1] })
    const after = async (ms: number): Promise<string | undefined> => {
      const times = [0, ms]
      const clock = { now: () => times.shift() ?? ms, sleep: async () => undefined, turn: async () => undefined }
      return (await (await execute(store, { decider: slow, streamId, command: 'nothing' }, { clock })).snapshot)?.status
    }
    deepEqual([await after(19), await after(20)], ['not_due', 'taken'])
  })

  it.each([
    [new Map([['tea', 1]]), /state\.sum is a Map/],
    [new Date(0), /state\.sum is a Date/],
    [Number.NaN, /state\.sum is NaN/],
    [1n, /state\.sum is of type bigint/],
    [[undefined], /state\.sum\.0 is of type undefined/],
  ])('refuses a state that JSON would change: %s', async (sum, message) => {
    const store = openStore({ engine: memory() })
    await run(store, plain, { add: [1] })
    const decider = { ...everyThree, evolve: () => ({ sum, added: [] }) as unknown as State }
    const outcome = await takeSnapshot(store, { decider, streamId })
    equal(outcome.status, 'failed')
    match(String('error' in outcome && outcome.error), message)
  })

  it('encodes and decodes a state that is no JSON', async () => {
    const store = openStore({ engine: memory() })
    const counts = defineDecider({
      events,
      initialState: () => new Map<number, number>(),
      decide: (n: number) => ({ type: 'Added', data: { n } }),
      evolve: (state, { type, data }) =>
        type === 'Added' ? new Map(state).set(data.n, (state.get(data.n) ?? 0) + 1) : state,
      snapshot: {
        name: 'counts',
        encode: (state) => [...state],
        decode: (value) => new Map(value as [number, number][]),
      },
    })
    for (const command of [1, 1, 2]) await execute(store, { decider: counts, streamId, command })
    equal((await takeSnapshot(store, { decider: counts, streamId })).status, 'taken')
    deepEqual((await stored(store)).state, [
      [1, 2],
      [2, 1],
    ])
    const { state, eventsFolded } = await foldStream(store, { decider: counts, streamId })
    deepEqual(
      [state, eventsFolded],
      [
        new Map([
          [1, 2],
          [2, 1],
        ]),
        0,
      ],
    )
  })

  it('needs a policy, and events', async () => {
    const store = openStore({ engine: memory() })
    await rejects(takeSnapshot(store, { decider: plain, streamId }), { code: 'INVALID_ARGUMENT', argument: 'decider' })
    deepEqual(await takeSnapshot(store, { decider: everyThree, streamId }), { status: 'not_due' })
    expect(await store.shelf.list().toArray()).toEqual([])
  })

  it.each([
    [{ name: '' }, 'snapshot.name'],
    [{ name: 'a', version: 0 }, 'snapshot.version'],
    [{ name: 'a', everyEvents: 1.5 }, 'snapshot.everyEvents'],
    [{ name: 'a', afterMs: -1 }, 'snapshot.afterMs'],
    [{ name: 'a', encode: (state: State) => state }, 'snapshot'],
  ])('refuses the policy %j', (policy, argument) => {
    throws(() => tallyWith(policy), { code: 'INVALID_ARGUMENT', argument })
  })
})

it('a stream that ends with an event which has become none is decided on at its version', async () => {
  const store = openStore({ engine: memory() })
  await store.append(streamId, [
    { type: 'Added', data: { n: 1 } },
    { type: 'Noted', data: {} },
  ])
  const decider = {
    ...plain,
    events: { ...events, ...defineEvents({ Noted: retired({ into: [], upcast: () => [] }) }) },
  }
  const { version, attempts } = await execute(store, { decider, streamId, command: { add: [2] } })
  deepEqual([version, attempts], [3, 1])
  ok((await foldStream(store, { decider, streamId })).state.sum === 3)
})
