import { deepEqual, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { LimitExceeded } from '../model/errors.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { project } from './project.ts'
import { defineProjection } from './projection.ts'
import { runProjections } from './run-projections.ts'
import { memoryTarget } from './targets/memory.ts'

/** A projection into a target that takes four changes in one write. */
function narrow() {
  const target = memoryTarget(() => ({ changes: 0, received: 0 }), {
    copy: ({ received }) => ({ changes: 0, received }),
  })
  const projection = defineProjection({
    ...{ name: 'stock', target, events: defineEvents({ Received: event<{ changes: number }>() }) },
    on: {
      Received: (stock, { data }) => {
        stock.changes += data.changes
        if (stock.changes > 4) throw new LimitExceeded('targetBatchChanges', stock.changes)
        stock.received++
      },
    },
  })
  return { target, projection }
}

async function received(...changes: readonly number[]): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  await store.append(
    'Stock-1',
    changes.map((each) => ({ type: 'Received', data: { changes: each } })),
  )
  return store
}

describe('events that together change more than a target takes at once', () => {
  const few = [1, 2, 1, 3, 4, 2, 2, 2, 1]

  it('are written in parts by project', async () => {
    const { target, projection } = narrow()
    await using running = project(await received(...few), projection)
    await running.waitFor(few.length)
    deepEqual(target.readModel.received, few.length)
  })

  it('are written in parts by runProjections, and none of them is at fault', async () => {
    const { target, projection } = narrow()
    await using running = runProjections(await received(...few), [projection], { leaseMs: 400, log: () => undefined })
    await running.waitFor('stock', few.length)
    deepEqual(target.readModel.received, few.length)
  })

  it('stop at the one that does so by itself', async () => {
    const { target, projection } = narrow()
    const running = project(await received(1, 2, 5, 1), projection)
    await rejects(running.done, { code: 'PROJECTION_FAILED', position: 3 })
    deepEqual(target.readModel.received, 2)
  })
})
