import { ok } from 'node:assert/strict'
import { afterEach } from 'vitest'
import type { EventStore } from '../../store/src/event-store.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import type { ParkedInProjection } from '../../store/src/model/projection-status.ts'
import type { Target } from '../../store/src/model/target.ts'
import { listProjections, parkedInProjection } from '../../store/src/projections/admin.ts'
import type { FailurePolicy } from '../../store/src/projections/failure-policy.ts'
import { defineProjection, type Projection } from '../../store/src/projections/projection.ts'
import {
  type ProjectionInstance,
  type RunProjectionsOptions,
  runProjections,
} from '../../store/src/projections/run-projections.ts'
import type { ProjectionLogLine } from '../../store/src/projections/running-partition.ts'
import { memoryTarget } from '../../store/src/projections/targets/memory.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'

const events = defineEvents({
  Received: event<{ sku: string; quantity: number }>(),
  Sold: event<{ sku: string; quantity: number }>(),
})

/** Pieces on stock by article. */
export type Stock = Map<string, number>

/** What a projection of the stock is made with. */
export interface GivenStock {
  readonly target: Target<Stock>
  readonly version?: number
  readonly partitions?: number
  /** What each piece counts as, so that two versions differ. */
  readonly factor?: number
  readonly onFailure?: FailurePolicy
  /** Articles that cannot be received. */
  readonly poison?: ReadonlySet<string>
  readonly saved?: (events: readonly RecordedEvent[]) => unknown
}

/** Counts the stock. */
export function stockOf({ target, factor = 1, poison = new Set(), ...more }: GivenStock): Projection<Stock> {
  return defineProjection({
    ...{ name: 'stock', events, target, ...more },
    on: {
      Received: (stock, { data: { sku, quantity } }) => {
        if (poison.has(sku)) throw new RangeError(`no shelf for ${sku}`)
        stock.set(sku, (stock.get(sku) ?? 0) + factor * quantity)
      },
      Sold: (stock, { data: { sku, quantity } }) => {
        stock.set(sku, (stock.get(sku) ?? 0) - factor * quantity)
      },
    },
  })
}

/** A read model in memory. */
export const newTarget = (): Target<Stock> => memoryTarget<Stock>(() => new Map())

/** What readers see. */
export const stocked = (target: Target<Stock>): Record<string, number> => Object.fromEntries(target.readModel)

/** Receives one piece of each, and gives the position of the last. */
export async function receive(store: EventStore, ...skus: readonly string[]): Promise<number> {
  let last = 0
  for (const sku of skus) {
    const { position } = await store.append(`Stock-${sku}`, [{ type: 'Received', data: { sku, quantity: 1 } }])
    last = position
  }
  return last
}

/** Sells some, and gives the position of that. */
export async function sell(store: EventStore, sku: string, quantity = 1): Promise<number> {
  return (await store.append(`Stock-${sku}`, [{ type: 'Sold', data: { sku, quantity } }])).position
}

/** An instance, and what it logged. */
export type Started = ProjectionInstance & { readonly lines: readonly ProjectionLogLine[] }

/** Starts instances that look often, and stops them after the test. */
export function starting(): (
  store: EventStore,
  projection: Projection<unknown>,
  options?: RunProjectionsOptions,
) => Started {
  const started: ProjectionInstance[] = []
  afterEach(async () => {
    await Promise.all(started.splice(0).map((instance) => instance.stop()))
  })
  return (store, projection, options = {}) => {
    const lines: ProjectionLogLine[] = []
    const instance = runProjections(store, [projection], { leaseMs: 400, log: (line) => lines.push(line), ...options })
    started.push(instance)
    return Object.assign(instance, { lines })
  }
}

/** Waits until something is so. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    ok(performance.now() - startedAt < 20_000, 'this did not become so within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Waits until the projection is in a state. */
export const untilState = (store: EventStore, state: string): Promise<void> =>
  until(async () => (await listProjections(store))[0]?.state === state)

/** Everything that is parked. */
export async function allParked(store: EventStore): Promise<readonly ParkedInProjection[]> {
  const parked: ParkedInProjection[] = []
  for await (const event of parkedInProjection(store, 'stock')) parked.push(event)
  return parked
}
