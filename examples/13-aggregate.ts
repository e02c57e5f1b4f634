// The rules of 07-decider as a class with methods, on the same machinery. Run with: node examples/13-aggregate.ts
import assert from 'node:assert/strict'
import { aggregate, defineEvents, event, memory, openStore, repository } from 'varve'

const capacity = 10

class Show extends aggregate({
  category: 'Show',
  events: defineEvents({
    SeatsReserved: event<{ guest: string; seats: number }>(),
    ReservationCancelled: event<{ guest: string; seats: number }>(),
  }),
  initialState: () => ({ taken: 0 }),
  evolve: ({ taken }, { type, data }) => ({
    taken: type === 'SeatsReserved' ? taken + data.seats : taken - data.seats,
  }),
}) {
  reserve(guest: string, seats: number): void {
    if (this.state.taken + seats > capacity) throw new Error(`Seats left: ${capacity - this.state.taken}`)
    this.record({ type: 'SeatsReserved', data: { guest, seats } })
  }

  /** Several methods may be one command: all of their events are appended, or none. */
  move(guest: string, seats: number, to: string): void {
    this.record({ type: 'ReservationCancelled', data: { guest, seats } })
    this.reserve(to, seats)
  }
}

await using store = openStore({ engine: memory() })
const shows = repository(store, Show)

// Five guests want three seats each at the same time.
const guests = ['Ann', 'Bob', 'Cem', 'Dan', 'Eve']
const settled = await Promise.allSettled(
  guests.map((guest) => shows.execute('hamlet', (show) => show.reserve(guest, 3))),
)
assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 3)

// By hand, and sent twice: the second time it is found done.
const moved = await shows.execute('hamlet', (show) => show.move('Ann', 3, 'Dan'), { commandId: 'move-1' })
const again = await shows.execute('hamlet', (show) => show.move('Ann', 3, 'Dan'), { commandId: 'move-1' })
assert.deepEqual([moved.version, again.version, again.idempotent], [5, 5, true])
const show = await shows.load('hamlet')
console.log(`${show.state.taken} of ${capacity} seats are taken, version ${show.version}.`)
