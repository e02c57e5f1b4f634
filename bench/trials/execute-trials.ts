import { performance } from 'node:perf_hooks'
import { defineDecider } from '../../store/src/deciders/decider.ts'
import { execute } from '../../store/src/deciders/execute.ts'
import { recentStates } from '../../store/src/deciders/recent-states.ts'
import { takeSnapshot } from '../../store/src/deciders/take-snapshot.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { openBenchStore } from '../engines.ts'
import type { Measured } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { latencies } from '../load/appenders.ts'

/** A stream, and how commands on it are executed. */
export interface ExecuteSettings {
  readonly engine: string
  /** Events of the stream before the first command. */
  readonly events: number
  /** Whether the stream is read whole, or from the snapshot at its end on, or its state is remembered. */
  readonly state: 'read' | 'snapshot' | 'remembered'
  /** Commands that are timed. */
  readonly samples: number
}

const account = defineDecider({
  events: defineEvents({ Deposited: event<{ cents: number; by: string; note: string }>() }),
  initialState: () => ({ balance: 0, deposits: 0 }),
  decide: (cents: number, { deposits }) => deposit(cents, deposits),
  evolve: ({ balance, deposits }, { data }) => ({ balance: balance + data.cents, deposits: deposits + 1 }),
})

/** How long a command takes on a long stream, from the call to its acknowledgement. */
const longStream: Trial<ExecuteSettings> = async ({ engine, events, state, samples }, folder) => {
  await using store = openBenchStore(engine, folder)
  const streamId = 'Account-1'
  await fill(store, streamId, events)
  // The second one as the program would have it: taken by commands whenever 500 events have come.
  const decider = state === 'snapshot' ? { ...account, snapshot: { name: 'account' } } : account
  if (state === 'snapshot') await takeSnapshot(store, { decider, streamId })
  const options = state === 'remembered' ? { recent: recentStates() } : {}
  const samplesMs: number[] = []
  for (let nth = 0; nth < samples; nth++) {
    const startedAt = performance.now()
    await execute(store, { decider, streamId, command: nth }, options)
    samplesMs.push(performance.now() - startedAt)
  }
  return withoutFirst(samplesMs)
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ExecuteSettings>>> = { longStream }

async function fill(store: EventStore, streamId: string, events: number): Promise<void> {
  for (let first = 0; first < events; first += 1_000) {
    const count = Math.min(1_000, events - first)
    await store.append(
      streamId,
      Array.from({ length: count }, (_, index) => deposit(index, first + index)),
    )
  }
}

function deposit(cents: number, nth: number) {
  const note = `deposit ${nth} over the counter, receipt kept, no objections, nothing else to say about it`
  return { type: 'Deposited', data: { cents, by: `customer-${nth % 97}`, note } } as const
}

/** The first commands run code that is not compiled yet, which no running program does. */
function withoutFirst(samplesMs: readonly number[]): Measured {
  return latencies(samplesMs.slice(Math.ceil(samplesMs.length / 5)))
}
