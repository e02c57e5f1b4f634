import { defineDecider } from '../../store/src/deciders/decider.ts'
import type { Engine } from '../../store/src/engine/engine.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'

/** A command has two events and depends on the state, so that half a command, or one decided twice, shows. */
export const account = defineDecider({
  events: defineEvents({
    Deposited: event<{ cents: number }>(),
    Counted: event<{ deposits: number; balance: number }>(),
  }),
  initialState: () => ({ balance: 0, deposits: 0 }),
  decide: (cents: number, { balance, deposits }) => [
    { type: 'Deposited', data: { cents } },
    { type: 'Counted', data: { deposits: deposits + 1, balance: balance + cents } },
  ],
  evolve: (state, { type, data }) =>
    type === 'Deposited' ? { balance: state.balance + data.cents, deposits: state.deposits + 1 } : state,
  snapshot: { name: 'account', everyEvents: 2 },
})

/** What each run executes: the command's id and how much is deposited. */
export const commands: readonly (readonly [commandId: string, cents: number])[] = [
  ['first', 5],
  ['second', 7],
  ['third', 11],
]

/** The engine at a file or a PostgreSQL URL. */
export function engineAt(place: string): Engine {
  return place.startsWith('postgres') ? postgres({ url: place }) : sqlite({ path: place })
}
