// Business rules as pure functions; conflicts are decided again. Run with: node examples/07-decider.ts
import assert from 'node:assert/strict'
import { defineDecider, defineEvents, event, execute, given, memory, openStore } from 'varve'

const showEvents = defineEvents({
  SeatsReserved: event<{ guest: string; seats: number }>(),
  ReservationCancelled: event<{ guest: string }>(),
})

type Command = { kind: 'reserve'; guest: string; seats: number } | { kind: 'cancel'; guest: string }

const capacity = 10

const show = defineDecider({
  events: showEvents,
  initialState: (): ReadonlyMap<string, number> => new Map(),
  decide: (command: Command, reserved) => {
    if (command.kind === 'cancel') {
      return reserved.has(command.guest) ? { type: 'ReservationCancelled', data: { guest: command.guest } } : []
    }
    const taken = [...reserved.values()].reduce((sum, seats) => sum + seats, 0)
    if (taken + command.seats > capacity) throw new Error(`Seats left: ${capacity - taken}`)
    return { type: 'SeatsReserved', data: { guest: command.guest, seats: command.seats } }
  },
  evolve: (reserved, { type, data }) => {
    const next = new Map(reserved)
    if (type === 'ReservationCancelled') next.delete(data.guest)
    else next.set(data.guest, (next.get(data.guest) ?? 0) + data.seats)
    return next
  },
})

// The rules are tested without a store.
given(show, [{ type: 'SeatsReserved', data: { guest: 'Ann', seats: 9 } }])
  .when({ kind: 'reserve', guest: 'Bob', seats: 2 })
  .thenThrows(/Seats left: 1/)

// Five guests want three seats each at the same time. Each decision is appended only if the show has not moved since.
await using store = openStore({ engine: memory() })
const reserve = (guest: string) =>
  execute(store, { decider: show, streamId: 'Show-hamlet', command: { kind: 'reserve', guest, seats: 3 } })
const results = await Promise.allSettled(['Ann', 'Bob', 'Cem', 'Dan', 'Eve'].map(reserve))
const reserved = results.filter((result) => result.status === 'fulfilled')
assert.equal(reserved.length, 3)
const attempts = reserved.reduce((sum, result) => sum + result.value.attempts, 0)
console.log(`3 of 5 guests have their seats, after ${attempts} attempts; never more than ${capacity} seats are sold.`)

// A command with an id is executed once, however often it is sent.
const cancel = { decider: show, streamId: 'Show-hamlet', command: { kind: 'cancel', guest: 'Ann' } } as const
const first = await execute(store, cancel, { commandId: 'cancel-1' })
const again = await execute(store, cancel, { commandId: 'cancel-1' })
assert.deepEqual([again.version, again.idempotent], [first.version, true])
