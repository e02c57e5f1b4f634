import fc from 'fast-check'
import { z } from 'zod'
import { type Decider, defineDecider } from '../../store/src/deciders/decider.ts'
import { execute } from '../../store/src/deciders/execute.ts'
import type { ExecuteOptions } from '../../store/src/deciders/execute-options.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { correlate } from '../../store/src/streams/causation.ts'

const events = defineEvents({
  Deposited: z.object({ cents: z.int().positive(), at: z.date().optional(), seen: z.array(z.number()).optional() }),
  Withdrawn: event<{ cents: number; seen: readonly number[] }>(),
})

/** A balance, and what was seen on the way to it. */
export interface Account {
  cents: number
  seen: number[]
}

/** What an account can be told. */
export type Command =
  | { readonly deposit: readonly number[]; readonly id?: string }
  | { readonly withdraw: number }
  | { readonly spoil: number }

const ids = Array.from({ length: 3 }, (_, nth) => `0198c6e2-5b1a-7c3e-8f00-00000000000${nth}`)

/** What one decision leaves there, the next one overwrites. */
const scratch: number[] = []

/** The worst rules there are: both functions change the state in place, and events hold parts of it, and it of them. */
export const account: Decider<typeof events, Command, Account> = defineDecider({
  events,
  initialState: (): Account => ({ cents: 0, seen: [] }),
  decide: (command: Command, state) => {
    state.seen.push(-1)
    if ('spoil' in command) {
      state.cents += command.spoil
      throw new RangeError(`spoilt at ${state.cents}`)
    }
    if ('withdraw' in command) {
      if (command.withdraw > state.cents) throw new RangeError(`only ${state.cents} of ${state.seen.length}`)
      return { type: 'Withdrawn', data: { cents: command.withdraw, seen: state.seen } }
    }
    scratch.splice(0, scratch.length, ...state.seen)
    const { deposit, id } = command
    return deposit.map((cents, index) => ({
      type: 'Deposited' as const,
      data: { cents, at: new Date(cents * 1_000), seen: scratch },
      ...(id !== undefined && index === 0 && { id }),
    }))
  },
  evolve: (state, { type, data }) => {
    state.cents += type === 'Deposited' ? data.cents : -data.cents
    if (type === 'Withdrawn') state.seen = data.seen as number[]
    state.seen.push(type === 'Deposited' ? String(data.at).length : data.cents)
    return state
  },
})

/** A command, and how it is sent. */
export interface Asked {
  readonly command: Command
  readonly commandId?: string | undefined
  readonly correlationId?: string | undefined
}

const cents = fc.integer({ min: -1, max: 9 })
/** Commands of all kinds: refused, invalid, repeated, with nothing to do. */
export const asked: fc.Arbitrary<Asked> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      command: fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({
            deposit: fc.array(
              cents.map((n) => Math.max(n, 1)),
              { maxLength: 3 },
            ),
          }),
        },
        { weight: 1, arbitrary: fc.record({ deposit: fc.array(cents, { maxLength: 3 }) }) },
        { weight: 3, arbitrary: fc.record({ withdraw: fc.nat(12) }) },
        { weight: 1, arbitrary: fc.record({ spoil: fc.nat(5) }) },
      ),
      commandId: fc.option(fc.constantFrom('c1', 'c2', 'c3'), { nil: undefined }),
      correlationId: fc.option(fc.constantFrom('r1', 'r2'), { nil: undefined }),
    }),
  },
  // Ids that a decision gives itself, and gives again.
  {
    weight: 1,
    arbitrary: fc.record({ command: fc.record({ deposit: fc.constant([1, 2]), id: fc.constantFrom(...ids) }) }),
  },
)

/** Sends a command, and says what became of it in a form that can be compared. */
export function told(
  store: EventStore,
  to: { readonly decider: typeof account; readonly streamId: string },
  { command, commandId, correlationId }: Asked,
  more: ExecuteOptions = {},
): Promise<unknown> {
  const options = { ...more, ...(commandId !== undefined && { commandId }) }
  const run = () => execute(store, { ...to, command }, options)
  return (correlationId === undefined ? run() : correlate({ correlationId }, run)).then(
    ({ version, position, attempts, idempotent, events: done }) => {
      // A repeat is told what is stored, where a date is a text. The scratch pad is anybody's.
      const decided = done.map(
        ({ type, data: { seen: _, ...data } }) => [type, JSON.parse(JSON.stringify(data))] as const,
      )
      return { version, position, attempts, idempotent, decided }
    },
    (error: Error) => ({ refused: error.name, says: error.message }),
  )
}

/** What a stream holds, without what differs from store to store. */
export async function storedIn(store: EventStore, streamId: string): Promise<unknown> {
  const stored = await store.readStream(streamId).toArray()
  return stored.map(({ id, type, data, metadata: { timestamp: _, ...metadata } }) => {
    return { type, data, metadata, ...(metadata.commandId !== undefined && { id }) }
  })
}
