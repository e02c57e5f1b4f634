import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { z } from 'zod'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { correlate } from '../streams/causation.ts'
import { type Decider, defineDecider } from './decider.ts'
import { execute } from './execute.ts'

const events = defineEvents({
  Deposited: z.object({ cents: z.int().positive(), at: z.date().optional(), seen: z.array(z.number()).optional() }),
  Withdrawn: event<{ cents: number; seen: readonly number[] }>(),
})

interface Account {
  cents: number
  seen: number[]
}

type Command =
  | { readonly deposit: readonly number[]; readonly id?: string }
  | { readonly withdraw: number }
  | { readonly spoil: number }

const ids = Array.from({ length: 3 }, (_, nth) => `0198c6e2-5b1a-7c3e-8f00-00000000000${nth}`)

/** What one decision leaves there, the next one overwrites. */
const scratch: number[] = []

/** The worst rules there are: both functions change the state in place, and events hold parts of it, and it of them. */
const account: Decider<typeof events, Command, Account> = defineDecider({
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

interface Asked {
  readonly command: Command
  readonly commandId?: string | undefined
  readonly correlationId?: string | undefined
}

const cents = fc.integer({ min: -1, max: 9 })
const asked: fc.Arbitrary<Asked> = fc.oneof(
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

const streamId = 'Account-1'

function ask(store: EventStore, { command, commandId, correlationId }: Asked): Promise<unknown> {
  const options = commandId === undefined ? {} : { commandId }
  const run = () => execute(store, { decider: account, streamId, command }, options)
  return (correlationId === undefined ? run() : correlate({ correlationId }, run)).then(
    ({ version, position, attempts, idempotent, events: done }) => {
      // A repeat is told what is stored, where a date is a text. The scratch pad is anybody's.
      const told = done.map(({ type, data: { seen: _, ...data } }) => [type, JSON.parse(JSON.stringify(data))] as const)
      return { version, position, attempts, idempotent, told }
    },
    (error: Error) => ({ refused: error.name, says: error.message }),
  )
}

async function storedIn(store: EventStore): Promise<unknown> {
  const stored = await store.readStream(streamId).toArray()
  return stored.map(({ id, type, data, metadata: { timestamp: _, ...metadata } }) => {
    return { type, data, metadata, ...(metadata.commandId !== undefined && { id }) }
  })
}

/** At once and one by one, from here on: what is told and what is stored is the same. */
async function expectSame(open: () => Promise<EventStore>, groups: readonly (readonly Asked[])[]): Promise<void> {
  const [together, apart] = [await open(), await open()]
  const told: Promise<unknown>[] = []
  for (const group of groups) {
    told.push(...group.map((one) => ask(together, one)))
    await together.head()
  }
  const expected: unknown[] = []
  for (const one of groups.flat()) expected.push(await ask(apart, one))
  deepEqual(await Promise.all(told), expected)
  deepEqual(await storedIn(together), await storedIn(apart))
}

describe('commands at once', () => {
  it('do what they would do one by one, whatever their rules do to the state', { timeout: 60_000 }, async () => {
    const groups = fc.array(fc.array(asked, { maxLength: 8 }), { minLength: 1, maxLength: 3 })
    const open = async () => openStore({ engine: memory() })
    await fc.assert(
      fc.asyncProperty(groups, (all) => expectSame(open, all)),
      { numRuns: 400 },
    )
  })
})

onEveryEngine((open) => {
  it('commands at once do what they would do one by one', { timeout: 60_000 }, async () => {
    const group = fc.array(asked, { minLength: 20, maxLength: 40, size: 'max' })
    await fc.assert(
      fc.asyncProperty(group, (all) => expectSame(open, [all])),
      { numRuns: 3 },
    )
  })
})
