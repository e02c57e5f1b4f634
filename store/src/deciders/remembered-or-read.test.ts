import { deepEqual, rejects } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type Asked, account, asked, storedIn, told } from '../../../test/deciders/worst-account.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { execute } from './execute.ts'
import { type RecentStates, recentStates } from './recent-states.ts'
import { takeSnapshot } from './take-snapshot.ts'

const streams = ['Account-1', 'Account-2'] as const
const decider = { ...account, snapshot: { name: 'account', everyEvents: 4 } }

/** What happens next to one of the streams: commands at once from one of two processes, or something that nobody tells them. */
type Step = { readonly streamId: string } & (
  | { readonly process: 0 | 1; readonly commands: readonly Asked[] }
  | { readonly change: 'append' | 'truncate' | 'delete' | 'show' | 'snapshot' }
)

const streamId = fc.constantFrom(...streams)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      streamId,
      process: fc.constantFrom(0 as const, 1 as const),
      commands: fc.array(asked, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ streamId, change: fc.constantFrom('append', 'truncate', 'delete', 'show', 'snapshot') }),
  },
)

async function change(store: EventStore, stream: string, what: (Step & { change: string })['change']): Promise<void> {
  const { version, truncateBefore } = await store.streamInfo(stream)
  if (what === 'append') await store.append(stream, [{ type: 'Deposited', data: { cents: 5 } }])
  if (what === 'truncate') await store.truncateBefore(stream, Math.ceil((version + truncateBefore) / 2))
  if (what === 'delete') await store.deleteStream(stream)
  if (what === 'show') await store.setStreamMetadata(stream, {})
  if (what === 'snapshot') await takeSnapshot(store, { decider, streamId: stream })
}

/** Takes the steps in two processes, each with a memory or without, and says what was told and what is stored. */
async function lived(store: EventStore, steps: readonly Step[], memories: readonly RecentStates[]): Promise<unknown> {
  const processes = [store, { ...store }]
  const heard: unknown[] = []
  for (const one of steps) {
    if ('change' in one) await change(store, one.streamId, one.change)
    else {
      const recent = memories[one.process]
      const process = processes[one.process] as EventStore
      const sent = one.commands.map((command) =>
        told(process, { decider, streamId: one.streamId }, command, recent && { recent }),
      )
      heard.push(await Promise.all(sent))
    }
  }
  return { heard, stored: await Promise.all(streams.map((stream) => storedIn(store, stream))) }
}

async function expectSame(open: () => Promise<EventStore>, steps: readonly Step[]): Promise<void> {
  const remembered = await lived(await open(), steps, [recentStates({ streamsMax: 1 }), recentStates()])
  deepEqual(remembered, await lived(await open(), steps, []))
}

it('a command that was executed is known again behind a snapshot, when its events would be refused today', async () => {
  const store = openStore({ engine: memory() })
  const task = { decider, streamId: 'Account-1' }
  const first = await execute(store, { ...task, command: { deposit: [1] } }, { commandId: 'c1' })
  await takeSnapshot(store, task)
  const again = await execute(store, { ...task, command: { deposit: [0] } }, { commandId: 'c1' })
  deepEqual([again.idempotent, again.version], [true, first.version])
  const refused = execute(store, { ...task, command: { deposit: [0] } }, { commandId: 'c2' })
  await rejects(refused, { code: 'PAYLOAD_INVALID' })
})

describe('a process that remembers states', () => {
  it('tells and stores what one does that reads, whatever happens to the streams', { timeout: 60_000 }, async () => {
    const open = async () => openStore({ engine: memory() })
    const steps = fc.array(step, { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(steps, (all) => expectSame(open, all)),
      { numRuns: 200 },
    )
  })
})

onEveryEngine((open) => {
  it('a process that remembers states tells and stores what one does that reads', { timeout: 60_000 }, async () => {
    const steps = fc.array(step, { minLength: 30, maxLength: 40, size: 'max' })
    await fc.assert(
      fc.asyncProperty(steps, (all) => expectSame(open, all)),
      { numRuns: 2, endOnFailure: true },
    )
  })
})
