import {
  type DueDeadline,
  defineEvents,
  defineReaction,
  type EventStore,
  event,
  execute,
  type Reaction,
  type RecordedEvent,
  type RunningReaction,
  react,
  type Sending,
} from 'varve'
import { expectTypeOf } from 'vitest'

declare const store: EventStore

const events = defineEvents({ Placed: event<{ cents: number }>(), Paid: event<{ on: Date }>() })
type Command = { readonly kind: 'ask'; readonly cents: number } | { readonly kind: 'ship'; readonly lines: string[] }
type State = { readonly step: 'new' | 'placed' | 'paid' }

// Events come from their definitions, the state from where it begins, commands from `send`, deadlines from `onDeadline`.
const order = defineReaction({
  name: 'order',
  events,
  processOf: ({ type, data, streamId }) => (type === 'Placed' && data.cents === 0 ? undefined : streamId),
  initialState: (): State => ({ step: 'new' }),
  evolve: (state, { type }) => {
    expectTypeOf(state).toEqualTypeOf<State>()
    return { step: type === 'Placed' ? 'placed' : 'paid' }
  },
  isEnded: ({ step }) => step === 'paid',
  on: {
    Placed: (state, placed) => {
      expectTypeOf(state).toEqualTypeOf<State>()
      expectTypeOf(placed).toEqualTypeOf<RecordedEvent<'Placed', { cents: number }>>()
      return { send: { kind: 'ask', cents: placed.data.cents }, deadlines: { unpaid: { afterMs: 1 } } }
    },
    Paid: (_, { data }) => {
      expectTypeOf(data.on).toBeString()
      return { send: [{ kind: 'ship', lines: [] }], deadlines: { unpaid: 'cancel' } }
    },
  },
  onDeadline: {
    unpaid: (state, deadline) => {
      expectTypeOf(state).toEqualTypeOf<State>()
      expectTypeOf(deadline).toEqualTypeOf<DueDeadline>()
      return { send: { kind: 'ask', cents: 0 }, deadlines: { late: { afterMs: 5 } } }
    },
    late: () => undefined,
  },
  send: async (command: Command, sending) => {
    expectTypeOf(sending).toEqualTypeOf<Sending>()
    if (command.kind === 'ship') expectTypeOf(command.lines).toEqualTypeOf<string[]>()
  },
})
expectTypeOf(order).toEqualTypeOf<Reaction>()
expectTypeOf(react(store, order)).toEqualTypeOf<RunningReaction>()

// Without a state there is none to look at, and a handler may have nothing to say.
defineReaction({
  name: 'stateless',
  events,
  send: async (_: Command) => undefined,
  on: {
    Placed: (state) => {
      expectTypeOf(state).toBeUndefined()
      return undefined
    },
  },
})

const given = { name: 'order', events, send: async (_: Command) => undefined }

// @ts-expect-error no such command
defineReaction({ ...given, on: { Placed: () => ({ send: { kind: 'sell' } }) } })
// @ts-expect-error the deadline has no handler
defineReaction({ ...given, on: { Placed: () => ({ deadlines: { unpaid: 'cancel' } }) } })
const late = { late: () => undefined }
// @ts-expect-error deadlines have no such word
defineReaction({ ...given, onDeadline: late, on: { Placed: () => ({ deadlines: { late: 'stop' } }) } })
// @ts-expect-error there is no such deadline
defineReaction({ ...given, onDeadline: late, on: { Placed: () => ({ deadlines: { soon: 'cancel' } }) } })
// @ts-expect-error the event is not defined
defineReaction({ ...given, on: { Lost: () => undefined } })
// @ts-expect-error a decision does not wait
defineReaction({ ...given, on: { Placed: async () => undefined } })
// @ts-expect-error the state has no such step
defineReaction({ ...given, initialState: (): State => ({ step: 'new' }), evolve: () => ({ step: 'lost' }), on: {} })
// @ts-expect-error what is sent has to be waited for
defineReaction({ ...given, send: (_: Command) => undefined, on: { Placed: () => undefined } })

declare const decider: Parameters<typeof execute<typeof events, { kind: string }, number>>[1]['decider']
defineReaction({
  ...given,
  on: { Placed: () => ({ send: { kind: 'ask', cents: 1 } }) },
  send: (command: Command, { commandId, signal }) =>
    execute(store, { decider, streamId: 'Order-1', command }, { commandId, signal }),
})
