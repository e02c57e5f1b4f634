import type { ParkedInProjection, ProjectionCounts, ProjectionStatus } from 'varve'
import { expect, it } from 'vitest'
import { printList, printParked, printStatuses } from './projections-show.ts'
import type { Session } from './session.ts'

const counts: ProjectionCounts = {
  ...{ events: 40, batches: 4, retries: 1, skipped: 0 },
  ...{ loadMs: 12, applyMs: 3.4, writeMs: 65_000 },
}

const stock: ProjectionStatus = {
  ...{ name: 'stock\u001b[31m', state: 'failed', wanted: 'running', published: 1 },
  ...{ position: 1200, lagEvents: 34, lagMs: 61_000, parked: 0 },
  generations: [
    {
      ...{ generation: 1, version: 1, role: 'published', state: 'failed' },
      ...{ position: 1200, lagEvents: 34, lagMs: 61_000, parked: 0 },
      partitions: [
        {
          ...{ partition: 1, state: 'failed', epoch: 2, position: 1200, parked: 0, counts },
          failure: {
            ...{ code: 'PROJECTION_FAILED', reason: 'no shelf', atMs: 0, triedBy: ['a'] },
            event: { position: 1201, id: 'id', type: 'Received', streamId: 'Stock-1' },
          },
        },
      ],
    },
    {
      ...{ generation: 2, version: 2, role: 'building', state: 'rebuilding' },
      ...{ position: 617, lagEvents: 617, lagMs: 61_000, parked: 0 },
      ...{ progress: { done: 0.5, etaMs: 90_000 }, partitions: [] },
    },
    {
      ...{ generation: 0, version: 1, role: 'retired', state: 'retired' },
      ...{ position: 0, lagEvents: 1234, lagMs: 0, parked: 0, partitions: [] },
    },
  ],
}

const live: ProjectionStatus = {
  ...{ name: 'visits', state: 'live', wanted: 'running', published: 1 },
  ...{ position: 1234, lagEvents: 0, lagMs: 0, parked: 12, generations: [] },
}

/** What a person sees, without the colours. */
async function seen(print: (session: Session) => Promise<void>): Promise<readonly string[]> {
  const lines: string[] = []
  const terminal = {
    isRead: true,
    styled: (_: unknown, text: string) => text,
    print: async (line: string) => void lines.push(line),
  }
  await print({ json: false, terminal } as unknown as Session)
  return lines
}

it('lists projections in a table, numbers below each other, with nothing that a terminal would obey', async () => {
  expect(await seen((session) => printList(session, [stock, live]))).toEqual([
    'NAME             STATE   POSITION          BEHIND  PARKED  GENERATION',
    'stock\\u001b[31m  failed     1,200  34 (1 min 1 s)       0           1',
    'visits           live       1,234               0      12           1',
  ])
})

it('tells of each generation and partition, why one stopped, and what to do', async () => {
  expect(await seen((session) => printStatuses(session, [stock]))).toEqual([
    'stock\\u001b[31m  failed  at 1,200, 34 (1 min 1 s) behind, 0 parked',
    '  generation 1 of version 1, published  failed',
    '    partition 1  failed  at 1,200, nobody runs it',
    '      40 events in 4 batches: 12 ms to load, 3 ms to apply, 1 min 5 s to write; 1 retries, 0 skipped',
    '      failed at event 1201 (Received of Stock-1), 1970-01-01T00:00:00.000Z: no shelf (PROJECTION_FAILED)',
    '      Mend it, then: varve projections resume stock\\u001b[31m, or varve projections skip stock\\u001b[31m 1201',
    '  generation 2 of version 2, building  rebuilding  50 %, 1 min 30 s left',
  ])
})

it('lists what is parked', async () => {
  const event: ParkedInProjection = {
    ...{ generation: 1, partition: 1, position: 41, eventId: 'id', eventType: 'Received', streamId: 'Stock-1' },
    ...{ code: 'RangeError', reason: 'no\nshelf', attempts: 3, atMs: 0 },
  }
  expect(await seen((session) => printParked(session, [event]))).toEqual([
    'POSITION  TYPE      STREAM   ATTEMPTS  CODE        REASON',
    '      41  Received  Stock-1         3  RangeError  no\\nshelf',
  ])
})
