import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event, retired } from '../schema/events.ts'
import { react } from './react.ts'
import { type Consequences, defineReaction, type GivenReaction } from './reaction.ts'

const events = defineEvents({ Rung: event<{ cents: number }>(), Closed: event<object>() })
type Given = GivenReaction<typeof events, { cents: number }, { kind: string }, 'late'>

const given: Given = {
  name: 'till',
  events,
  initialState: () => ({ cents: 0 }),
  evolve: (state, { type, data }) => (type === 'Rung' ? { cents: state.cents + data.cents } : state),
  on: { Rung: () => ({ send: { kind: 'print' }, deadlines: { late: { afterMs: 5 } } }) },
  onDeadline: { late: () => undefined },
  send: async () => undefined,
}

/** What is wrong with a reaction that is defined a little differently. */
function refused(different: object, argument: string, code = 'INVALID_ARGUMENT'): void {
  throws(() => defineReaction({ ...given, ...different }), { code, ...(code === 'INVALID_ARGUMENT' && { argument }) })
}

it('is refused where it is no reaction, and says what is wrong', () => {
  refused({ name: '' }, 'name')
  refused({ name: 'a/b' }, 'name')
  refused({ name: 'x'.repeat(limits.reactionNameChars + 1) }, 'name', 'LIMIT_EXCEEDED')
  refused({ version: 0 }, 'version')
  refused({ events: undefined }, 'events')
  refused({ evolve: undefined }, 'evolve')
  refused({ initialState: undefined }, 'evolve')
  refused({ send: undefined }, 'send')
  refused({ filter: { tags: 'urgent' } }, 'filter.tags')
  refused({ on: {} }, 'on')
  refused({ on: { Lost: () => undefined } }, 'on.Lost')
  refused({ on: { Rung: 'print' } }, 'on.Rung')
  refused({ onDeadline: { '': () => undefined } }, 'onDeadline')
  refused({ onDeadline: { ['x'.repeat(limits.deadlineNameChars + 1)]: () => undefined } }, '', 'LIMIT_EXCEEDED')
  refused({ processOf: 'till' }, 'processOf')
})

/** Why a reaction ended whose rules are a little different, after one event. */
async function failure(different: object): Promise<string> {
  const store = openStore({ engine: memory() })
  await store.append('Till-1', [{ type: 'Rung', data: { cents: 5 } }])
  const ended = await react(store, defineReaction({ ...given, ...different })).done.catch((error: Error) => error)
  equal((ended as { readonly code?: string }).code, 'REACTION_FAILED')
  return String((ended as Error).cause)
}

it.each<[string, object, RegExp]>([
  ['no state', { evolve: () => undefined }, /evolve returned no state for Rung/],
  [
    'a state that JSON changes',
    { evolve: () => ({ at: new Date() }) },
    /state\.at is a Date, which JSON does not give back/,
  ],
  ['a promise', { on: { Rung: async () => undefined } }, /on\.Rung returned neither .* decides, and does not wait/],
  [
    'a list',
    { on: { Rung: () => [{ kind: 'print' }] } },
    /on\.Rung returned neither { send, deadlines } nor undefined/,
  ],
  ['a word it does not know', { on: { Rung: () => ({ deadline: {} }) } }, /on\.Rung returned deadline: only send and/],
  [
    'a deadline nobody handles',
    { on: { Rung: () => ({ deadlines: { lost: 'cancel' } }) } },
    /lost, for which onDeadline/,
  ],
  [
    'a deadline at no time',
    { on: { Rung: () => ({ deadlines: { late: { afterMs: 0.5 } } }) } },
    /afterMs that is not a/,
  ],
  ['a deadline at null', { on: { Rung: () => ({ deadlines: { late: null } }) } }, /afterMs that is not a whole number/],
  ['a command that JSON changes', { on: { Rung: () => ({ send: new Map() }) } }, /send\[0\] is a Map, which JSON/],
  ['an undefined command', { on: { Rung: () => ({ send: [undefined] }) } }, /returned undefined as send\[0\]/],
  ['no id of a process', { processOf: () => 7 }, /processOf returned 7: return an id, or undefined for none/],
  ['an endless id of a process', { processOf: () => 'x'.repeat(381) }, /381 is more than the 380 .*processIdChars/],
])('fails loudly where a rule returns %s', async (_, different, message) => {
  match(await failure(different), message)
})

it('concerns no process where processOf gives undefined, and the stream where there is none', async () => {
  const store = openStore({ engine: memory() })
  await store.append('Till-1', [{ type: 'Rung', data: { cents: 5 } }])
  const recorded = await store.readAll().first()
  if (recorded === undefined) throw new Error('nothing was appended')
  const processesOf = (different: object) =>
    defineReaction({ ...given, ...different })
      .concerns(recorded)
      .map(({ processId }) => processId)
  deepEqual(processesOf({ processOf: () => undefined }), [])
  deepEqual(processesOf({}), ['Till-1'])
})

it('folds all defined events when it has a state, and reads only what it handles when it has none', () => {
  deepEqual(defineReaction(given).filter, { types: ['Rung', 'Closed'] })
  const { initialState: _, evolve: __, ...stateless } = given
  deepEqual(defineReaction({ ...stateless, on: { Rung: () => undefined } } as unknown as Given).filter, {
    types: ['Rung'],
  })
})

it('gives each part of an event that was split its process and ids of its own', async () => {
  const split = defineEvents({
    SeatBooked: event<{ seat: string }>(),
    SeatsBooked: retired<{ seats: string[] }>({
      into: ['SeatBooked'],
      upcast: ({ data }) => data.seats.map((seat) => ({ type: 'SeatBooked', data: { seat } })),
    }),
  })
  const store = openStore({ engine: memory() })
  const { eventIds } = await store.append('Show-1', [{ type: 'SeatsBooked', data: { seats: ['a', 'b', 'a'] } }])
  const sent: string[] = []
  const tickets = defineReaction({
    name: 'tickets',
    events: split,
    processOf: ({ data }) => data.seat,
    initialState: () => 0,
    evolve: (booked) => booked + 1,
    on: { SeatBooked: (booked, { data }): Consequences<string> => ({ send: `${data.seat}${booked}` }) },
    send: async (ticket: string, { commandId }) => sent.push(`${ticket} ${commandId}`),
  })
  await react(store, tickets).waitFor(1)
  const [id] = eventIds
  deepEqual(sent, [`a1 tickets/${id}/1`, `a2 tickets/${id}.3/1`, `b1 tickets/${id}.2/1`])
})

it('ends where a rule answers with a promise, and hears what the promise rejects with', async () => {
  const store = openStore({ engine: memory() })
  await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }])
  const later = (() => Promise.reject(new Error('unheard'))) as never
  const rules = {
    name: 'later',
    events: defineEvents({ OrderPlaced: event<object>() }),
    on: { OrderPlaced: later },
    send: async () => undefined,
  }
  const failed = { code: 'REACTION_FAILED', position: 1 }
  await rejects(react(store, defineReaction(rules)).done, failed)
  const folding = defineReaction({ ...rules, name: 'folding', initialState: () => 0, evolve: later })
  await rejects(react(store, folding).done, failed)
})
