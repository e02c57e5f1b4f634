import { checkTracer } from '../engine/span.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { Tracer } from '../model/tracer.ts'
import { refuseSeveralShards } from './one-order.ts'
import { checkProjection, type Projection } from './projection.ts'
import { runProjection } from './run.ts'
import { runUntilStopped } from './run-until-stopped.ts'

const optionFields = fieldsOf<ProjectOptions>({ signal: true, tracer: true })

/** Options of {@link project}. */
export interface ProjectOptions {
  /** Stops the projection, as {@link RunningProjection.stop} does. An end that was asked for is no failure. */
  readonly signal?: AbortSignal | undefined
  /**
   * Spans for batches, of OpenTelemetry, each linked to the spans of the appends that its events come from. Default: the
   * tracer of the store, if it has one.
   */
  readonly tracer?: Tracer | undefined
}

/** A projection at work. */
export interface RunningProjection extends AsyncDisposable {
  /**
   * Settles when the projection has ended: resolves when it was stopped or the store was closed, rejects when it
   * failed. A failure that nobody looks at ends the process as every unhandled rejection does: it never stops silently.
   */
  readonly done: Promise<void>
  /** Everything up to here is in the read model; 0 before it has begun. */
  readonly position: number
  /**
   * Resolves once the read model has everything up to a position, such as the one an append gave.
   *
   * @throws the error the projection failed with; STORE_CLOSED when it ended before.
   */
  waitFor(position: number, options?: CallOptions): Promise<void>
  /** Stops after the batch under way. Gives {@link RunningProjection.done}; stopping twice is fine. */
  stop(): Promise<void>
}

/**
 * Keeps a read model up to date until it is stopped: resumes at its checkpoint, catches up, then follows. A read model
 * that was never built, or by an older version of the projection, is built from the first event on.
 *
 * An event whose handler throws ends it with PROJECTION_FAILED; nothing of the batch it was in is kept, or nothing from it
 * on when `onBatch` got the batch. Of two that run under one name on one target, one ends with CHECKPOINT_CONFLICT.
 * Projections do not append: what follows from an event is for `react`.
 *
 * @throws INVALID_ARGUMENT; NOT_SUPPORTED on a log with several shards.
 * @example
 * await using running = project(store, stock)
 * const { position } = await store.append('Goods-1', [{ type: 'GoodsReceived', data: { sku: 'tea', quantity: 4 } }])
 * await running.waitFor(position)
 */
export function project<ReadModel>(
  store: Pick<EventStore, 'subscribe' | 'tracer' | 'capabilities'>,
  projection: Projection<ReadModel>,
  options: ProjectOptions = {},
): RunningProjection {
  refuseUnknownOptions(options, optionFields, 'project')
  refuseSeveralShards(store)
  checkProjection(projection)
  const { tracer = store.tracer } = options
  checkTracer(tracer)
  return runUntilStopped({
    what: `Projection ${JSON.stringify(projection.name)}`,
    signal: options.signal,
    work: (signal, saved) =>
      runProjection(store, projection, { signal, begin: 'resume', saved, until: 'stopped', tracer }),
  })
}
