import type { Clock } from '../engine/clock.ts'
import { checkTracer } from '../engine/span.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { ProjectionStatus } from '../model/projection-status.ts'
import type { Tracer } from '../model/tracer.ts'
import { checkWhole } from '../model/whole-number.ts'
import { Instance, type InstanceOptions, type ProjectionStore } from './instance.ts'
import { refuseSeveralShards } from './one-order.ts'
import { isProjection, type Projection } from './projection.ts'
import { projectionShelf } from './projection-shelf.ts'
import type { ProjectionLogLine } from './running-partition.ts'
import { statuses } from './status.ts'
import { systemLog } from './system-log.ts'
import { type WaitOptions, waitUntil } from './wait-for.ts'

const optionFields = fieldsOf<RunProjectionsOptions>({
  instance: true,
  leaseMs: true,
  swap: true,
  keepsPrevious: true,
  rebuildEventsPerSecond: true,
  signal: true,
  log: true,
  clock: true,
  random: true,
  tracer: true,
})
const waitFields = fieldsOf<WaitOptions>({ timeoutMs: true, signal: true })

/** Options of {@link runProjections}. */
export interface RunProjectionsOptions {
  /** Name of this instance, as the status shows it. Default: a random one. */
  readonly instance?: string | undefined
  /**
   * How long an instance may be silent before others take its projections over, in milliseconds; it shows that it lives four
   * times as often. Default 10,000.
   */
  readonly leaseMs?: number | undefined
  /**
   * When readers see a new generation instead of the one before: as soon as it has caught up, or when `swapProjection` says
   * so. Default `'when_caught_up'`. The first generation is shown at once.
   */
  readonly swap?: 'when_caught_up' | 'manual' | undefined
  /** Whether the generation before is kept after a swap, to go back to. Default true; those before it are removed. */
  readonly keepsPrevious?: boolean | undefined
  /** The most events per second that each partition of a generation is built with beside the published one. Default: no bound. */
  readonly rebuildEventsPerSecond?: number | undefined
  /** Stops the instance, as {@link ProjectionInstance.stop} does. */
  readonly signal?: AbortSignal | undefined
  /** Where lines for people go. Default: process warnings, for what is wrong. */
  readonly log?: ((line: ProjectionLogLine) => void) | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to 1, for names and jitter. Default: the machine's. */
  readonly random?: (() => number) | undefined
  /**
   * Spans for batches, of OpenTelemetry: `trace.getTracer('shop')`. Each is linked to the spans of the appends that its events
   * come from. Default: the tracer of the store, if it has one.
   */
  readonly tracer?: Tracer | undefined
}

/** Projections at work in this process. */
export interface ProjectionInstance extends AsyncDisposable {
  readonly instance: string
  /** Resolves when the instance was stopped or the store closed. A projection that fails does not end the others, nor this. */
  readonly done: Promise<void>
  /** How these projections are doing, in all instances. */
  status(): Promise<readonly ProjectionStatus[]>
  /**
   * Resolves once the read model that readers see has everything up to a position, such as the one an append gave,
   * whichever instance runs it.
   *
   * @throws PROJECTION_STOPPED at once when it has stopped before there; WAIT_TIMED_OUT after `timeoutMs`, default 30,000.
   */
  waitFor(projection: string, position: number, options?: WaitOptions): Promise<void>
  /** Stops after the batches under way and gives the projections to the others. Stopping twice is fine. */
  stop(): Promise<void>
}

/**
 * Runs projections, together with all other processes that do the same over the same store: each partition is run by one
 * of them at a time, fairly spread, and taken over within a lease when its owner dies or hangs. A new version of a
 * projection is built as a new generation beside the one that readers see, and shown when it has caught up.
 *
 * A failure stops the partition it is of, unless the projection's policy says otherwise: it is logged, stored and shown by
 * `listProjections`; each instance that starts tries it again. Targets must keep generations; a target that keeps one
 * read model only is for `project`.
 *
 * @throws INVALID_ARGUMENT; NOT_SUPPORTED on a log with several shards.
 * @example
 * await using running = runProjections(store, [stock])
 * const { position } = await store.append('Goods-1', [{ type: 'GoodsReceived', data: { sku: 'tea', quantity: 4 } }])
 * await running.waitFor('stock', position)
 */
export function runProjections(
  store: ProjectionStore,
  projections: readonly Projection<unknown>[],
  options: RunProjectionsOptions = {},
): ProjectionInstance {
  refuseUnknownOptions(options, optionFields, 'runProjections')
  refuseSeveralShards(store)
  checkProjections(projections)
  const given = withDefaults({ ...options, tracer: options.tracer ?? store.tracer })
  const instance = new Instance(store, projections, given)
  const { clock } = given
  return {
    instance: given.instance,
    done: instance.done,
    status: async () => {
      const names = new Set(projections.map(({ name }) => name))
      const view = await projectionShelf(store.shelf).view()
      const own = { ...view, controls: view.controls.filter(({ value }) => names.has(value.name)) }
      return statuses(store, own, clock.now())
    },
    waitFor: (projection, position, wait = {}) => {
      refuseUnknownOptions(wait, waitFields, 'waitFor')
      if (!projections.some(({ name }) => name === projection)) {
        throw new InvalidArgument('projection', `is ${JSON.stringify(projection)}, which this instance does not run`)
      }
      return waitUntil(store, { projection, position, clock, ...wait, local: instance })
    },
    stop: () => instance.stop(),
    [Symbol.asyncDispose]: () => instance.stop(),
  }
}

/** The options with every default in place. */
function withDefaults(options: RunProjectionsOptions): InstanceOptions {
  const { leaseMs = 10_000, swap = 'when_caught_up', keepsPrevious = true, rebuildEventsPerSecond, tracer } = options
  const { signal = new AbortController().signal, log = systemLog, clock = systemClock, random = systemRandom } = options
  const { instance = `instance-${Math.floor(random() * 2 ** 48).toString(36)}` } = options
  checkWhole('leaseMs', leaseMs, 4)
  if (swap !== 'when_caught_up' && swap !== 'manual') {
    throw new InvalidArgument('swap', "is neither 'when_caught_up' nor 'manual'")
  }
  if (typeof instance !== 'string' || !isKeyPart(instance)) {
    throw new InvalidArgument('instance', 'is not a text of 1 to 100 characters without a slash')
  }
  checkTracer(tracer)
  const bound = rebuildEventsPerSecond ?? 1
  if (!(bound > 0)) throw new InvalidArgument('rebuildEventsPerSecond', 'is not a number above 0')
  return { instance, leaseMs, swap, keepsPrevious, rebuildEventsPerSecond, signal, log, clock, random, tracer }
}

function checkProjections(projections: readonly Projection<unknown>[]): void {
  if (!Array.isArray(projections) || projections.length === 0 || !projections.every(isProjection)) {
    throw new InvalidArgument('projections', 'is not a list of projections from defineProjection')
  }
  const names = new Set<string>()
  for (const { name, target } of projections) {
    if (!isKeyPart(name)) {
      throw new InvalidArgument(
        'projections',
        `has ${JSON.stringify(name)}: a name here has no slash and at most 100 characters`,
      )
    }
    if (names.has(name)) throw new InvalidArgument('projections', `has ${JSON.stringify(name)} twice`)
    names.add(name)
    if (target.generations === undefined) {
      throw new InvalidArgument(
        'projections',
        `has ${JSON.stringify(name)}, whose target keeps one read model only: run it with project(), or use a target that keeps generations`,
      )
    }
  }
}

/** Whether a name can be part of a shelf key that is divided by slashes. */
function isKeyPart(name: string): boolean {
  return name !== '' && name.length <= 100 && name.isWellFormed() && !name.includes('/')
}
