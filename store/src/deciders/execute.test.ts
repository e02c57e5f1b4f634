import { deepEqual, equal, rejects } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { causedBy } from '../streams/causation.ts'
import { defineDecider } from './decider.ts'
import { execute } from './execute.ts'
import { foldStream } from './fold-stream.ts'
import { takeSnapshot } from './take-snapshot.ts'

type Command = { readonly deposit: number } | { readonly withdraw: number } | { readonly split: readonly number[] }

const account = defineDecider({
  events: defineEvents({
    Deposited: z.object({ cents: z.int().positive() }),
    Withdrawn: event<{ cents: number }>(),
  }),
  initialState: () => ({ cents: 0 }),
  decide: (command: Command, state) => {
    if ('deposit' in command) return { type: 'Deposited', data: { cents: command.deposit } }
    if ('split' in command) return command.split.map((cents) => ({ type: 'Deposited' as const, data: { cents } }))
    if (command.withdraw > state.cents) throw new RangeError(`Only ${state.cents} cents are there`)
    return { type: 'Withdrawn', data: { cents: command.withdraw } }
  },
  evolve: (state, event) => ({
    cents: event.type === 'Deposited' ? state.cents + event.data.cents : state.cents - event.data.cents,
  }),
})

const streamId = 'Account-7'

function opened(): EventStore {
  return openStore({ engine: memory() })
}

/** A store on which another writer comes first, so many times. */
function contended(store: EventStore, times: number): EventStore {
  let left = times
  return {
    ...store,
    category: (name, events, options) => {
      const category = store.category(name, events, options)
      const stream: typeof category.stream = (id) => {
        const inner = category.stream(id)
        return {
          ...inner,
          append: async (...given) => {
            if (left-- > 0) await store.append(inner.streamId, [{ type: 'Deposited', data: { cents: 1 } }])
            return inner.append(...given)
          },
        }
      }
      return { ...category, stream }
    },
  }
}

/** A clock that notes how long it was asked to sleep, and does not. */
function recordedSleeps(): { readonly clock: Clock; readonly slept: number[] } {
  const slept: number[] = []
  return { slept, clock: { ...systemClock, sleep: async (ms) => void slept.push(ms) } }
}

async function balance(store: EventStore): Promise<number> {
  let state = account.initialState()
  for await (const event of store.category('Account', account.events).stream('7').read()) {
    state = account.evolve(state, event)
  }
  return state.cents
}

describe('executing a command', () => {
  it('decides on the state of the stream, appends, and says what happened', async () => {
    const store = opened()
    await execute(store, { decider: account, streamId, command: { deposit: 500 } })
    const executed = await execute(store, { decider: account, streamId, command: { withdraw: 200 } })
    deepEqual(executed, {
      streamId,
      events: [{ type: 'Withdrawn', data: { cents: 200 } }],
      version: 2,
      position: 2,
      attempts: 1,
      idempotent: false,
    })
  })

  it('passes on what the decision throws, and appends nothing', async () => {
    const store = opened()
    await rejects(execute(store, { decider: account, streamId, command: { withdraw: 1 } }), RangeError)
    equal(await store.head(), 0)
  })

  it('appends nothing when there is nothing to do, and says where the stream stands', async () => {
    const store = opened()
    await store.append('Other-1', [{ type: 'Noise', data: {} }])
    await execute(store, { decider: account, streamId, command: { deposit: 500 } })
    const executed = await execute(store, { decider: account, streamId, command: { split: [] } })
    deepEqual([executed.events, executed.version, executed.position], [[], 1, 2])
    equal(await store.head(), 2)
  })

  it('validates what was decided before it is sent', async () => {
    const store = opened()
    const refused = execute(store, { decider: account, streamId, command: { deposit: -1 } })
    await rejects(refused, { code: 'PAYLOAD_INVALID', eventType: 'Deposited' })
    equal(await store.head(), 0)
  })

  it('refuses to decide on a stream that holds an event it does not know', async () => {
    const store = opened()
    await store.append(streamId, [{ type: 'Frozen', data: {} }])
    const refused = execute(store, { decider: account, streamId, command: { deposit: 1 } })
    await rejects(refused, { code: 'EVENT_NOT_DEFINED', eventType: 'Frozen' })
  })

  it('begins anew on a stream that was deleted, whose versions go on', async () => {
    const store = opened()
    await execute(store, { decider: account, streamId, command: { deposit: 500 } })
    await store.deleteStream(streamId)
    await rejects(execute(store, { decider: account, streamId, command: { withdraw: 1 } }), RangeError)
    equal((await execute(store, { decider: account, streamId, command: { deposit: 1 } })).version, 2)
  })

  it('gives the events the metadata of the command, and what caused it', async () => {
    const store = opened()
    await store.append('Transfer-1', [{ type: 'Requested', data: {}, metadata: { correlationId: 'req-1' } }])
    const cause = await store.readStream('Transfer-1').first()
    if (cause === undefined) throw new Error('the cause was not stored')
    const options = { metadata: { userId: 'u1', branch: 'north' }, commandId: 'c1' }
    await causedBy(cause, () => execute(store, { decider: account, streamId, command: { deposit: 5 } }, options))
    const { timestamp: _, ...metadata } = (await store.readStream(streamId).first())?.metadata ?? {}
    const expected = { userId: 'u1', branch: 'north', correlationId: 'req-1', causationId: cause.id, commandId: 'c1' }
    deepEqual(metadata, expected)
  })

  it.each([['Account'], ['-7'], ['Account-'], [''], [undefined]])('refuses %j as a stream id', async (wrong) => {
    const task = { decider: account, streamId: wrong as string, command: { deposit: 1 } }
    await rejects(execute(opened(), task), { code: 'INVALID_ARGUMENT', argument: 'streamId' })
  })
})

it('says what a task without a decider is to have', async () => {
  const refusal = { code: 'INVALID_ARGUMENT', argument: 'decider' }
  for (const task of [undefined, account, { streamId, command: { deposit: 1 } }] as never[]) {
    await rejects(execute(opened(), task), refusal)
    await rejects(foldStream(opened(), task), refusal)
    await rejects(takeSnapshot(opened(), task), refusal)
  }
})

describe('when the stream moved on', () => {
  it('decides again on what is there now', async () => {
    const store = opened()
    const { clock } = recordedSleeps()
    const task = { decider: account, streamId, command: { withdraw: 2 } }
    await execute(store, { decider: account, streamId, command: { deposit: 2 } })
    const executed = await execute(contended(store, 1), task, { clock })
    deepEqual([executed.attempts, executed.version], [2, 3])
    equal(await balance(store), 1)
  })

  it('gives up after as many attempts as it may, and appends nothing', async () => {
    const store = opened()
    const { clock, slept } = recordedSleeps()
    const task = { decider: account, streamId, command: { deposit: 100 } }
    await rejects(execute(contended(store, 99), task, { clock }), { code: 'VERSION_CONFLICT' })
    equal(slept.length, 7)
    equal(await balance(store), 8)
    await rejects(execute(contended(store, 99), task, { clock, attemptsMax: 1 }), { code: 'VERSION_CONFLICT' })
    equal(slept.length, 7)
  })

  it('pauses for a random time below a bound that doubles', async () => {
    const { clock, slept } = recordedSleeps()
    const task = { decider: account, streamId, command: { deposit: 1 } }
    await execute(contended(opened(), 9), task, { clock, attemptsMax: 10, random: () => 0.5 })
    deepEqual(slept, [10, 20, 40, 80, 160, 320, 500, 500, 500])
  })

  it('stops trying when its signal aborts', async () => {
    const aborting = new AbortController()
    const clock: Clock = { ...systemClock, sleep: async () => aborting.abort(new Error('enough')) }
    const task = { decider: account, streamId, command: { deposit: 1 } }
    await rejects(execute(contended(opened(), 9), task, { clock, signal: aborting.signal }), /enough/)
  })

  it.each([[0], [1.5], ['2']])('refuses %j attempts', async (attemptsMax) => {
    const task = { decider: account, streamId, command: { deposit: 1 } }
    const options = { attemptsMax: attemptsMax as number }
    await rejects(execute(opened(), task, options), { code: 'INVALID_ARGUMENT', argument: 'attemptsMax' })
  })
})

describe('a command with an id', () => {
  it('is executed once, and answers the same the second time, though it would be refused now', async () => {
    const store = opened()
    await execute(store, { decider: account, streamId, command: { deposit: 500 } })
    const task = { decider: account, streamId, command: { withdraw: 500 } }
    const first = await execute(store, task, { commandId: 'c1' })
    await execute(store, { decider: account, streamId, command: { deposit: 1 } })

    const second = await execute(store, task, { commandId: 'c1' })

    deepEqual([second.version, second.position, second.idempotent], [first.version, first.position, true])
    deepEqual(
      second.events.map(({ type, data }) => ({ type, data })),
      first.events,
    )
    equal(await balance(store), 1)
  })

  it('is executed once when many send it at the same time', async () => {
    const store = opened()
    const task = { decider: account, streamId, command: { split: [1, 2, 3] } }
    const sent = Array.from({ length: 10 }, () => execute(store, task, { commandId: 'c1' }))
    const executed = await Promise.all(sent)
    equal(executed.filter(({ idempotent }) => !idempotent).length, 1)
    equal(await balance(store), 6)
  })

  it('is answered with what is stored when a race decided for other events', async () => {
    const store = opened()
    // As two processes would: in one of them the commands on a stream take turns.
    const sent = [1, 2].map((deposit) =>
      execute({ ...store }, { decider: account, streamId, command: { deposit } }, { commandId: 'c1' }),
    )
    const told = await Promise.all(sent)
    deepEqual(
      told.map(({ idempotent, attempts, events }) => [idempotent, attempts, events.map(({ data }) => data)]),
      [
        [false, 1, [{ cents: 1 }]],
        [true, 1, [{ cents: 1 }]],
      ],
    )
    equal(await balance(store), 1)
  })

  it('finds the winner when a race decided for another number of events', async () => {
    const store = opened()
    const { clock } = recordedSleeps()
    const command = { split: [1, 2] }
    // As two processes would: in one of them the commands on a stream take turns.
    const sent = [[1], [1, 2]].map((split) =>
      execute({ ...store }, { decider: account, streamId, command: { split } }, { commandId: 'c1', clock }),
    )
    const [winner, loser] = await Promise.all(sent)
    deepEqual([winner?.idempotent, loser?.idempotent, loser?.attempts, loser?.version], [false, true, 2, 1])
    equal((await execute(store, { decider: account, streamId, command }, { commandId: 'c1' })).idempotent, true)
    equal(await balance(store), 1)
  })
})

it('refuses rules that answer with a promise, and hears what the promise rejects with', async () => {
  const store = opened()
  const later = (() => Promise.reject(new Error('unheard'))) as never
  const command = { deposit: 1 }
  const deciding = execute(store, { decider: { ...account, decide: later }, streamId, command })
  await rejects(deciding, { code: 'INVALID_ARGUMENT', argument: 'decide' })
  await execute(store, { decider: account, streamId, command })
  const folding = execute(store, { decider: { ...account, evolve: later }, streamId, command })
  await rejects(folding, { code: 'INVALID_ARGUMENT', argument: 'evolve' })
  equal(await balance(store), 1)
})

it('never overdraws, whatever commands run side by side', async () => {
  const command = fc.oneof(
    fc.record({ deposit: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ withdraw: fc.integer({ min: 1, max: 50 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 12 }), async (commands) => {
      const store = opened()
      const { clock } = recordedSleeps()
      const runs = commands.map((one) =>
        execute(store, { decider: account, streamId, command: one }, { clock, attemptsMax: 50 }),
      )
      const settled = await Promise.allSettled(runs)
      let cents = 0
      for await (const event of store.category('Account', account.events).stream('7').read()) {
        cents += event.type === 'Deposited' ? event.data.cents : -event.data.cents
        expect(cents).toBeGreaterThanOrEqual(0)
      }
      const done = settled.filter(({ status }) => status === 'fulfilled').length
      expect((await store.streamInfo(streamId)).version).toBe(done)
      const failures = settled.flatMap((run) => (run.status === 'rejected' ? [run.reason] : []))
      expect(failures.every((error) => error instanceof RangeError)).toBe(true)
    }),
    { numRuns: 60 },
  )
})
