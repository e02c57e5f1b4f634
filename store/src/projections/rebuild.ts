import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { refuseSeveralShards } from './one-order.ts'
import { checkProjection, type Projection } from './projection.ts'
import { runProjection } from './run.ts'

/** What {@link rebuild} did. */
export interface Rebuilt {
  /** Everything up to here is in the read model. */
  readonly position: number
}

/**
 * Builds a read model anew from the first event, and ends once it has caught up. Emptying it and setting its
 * checkpoint back is one transaction; a run of the same projection elsewhere ends with CHECKPOINT_CONFLICT at its next
 * batch. Readers see the read model grow: to swap it in at once, build it under a new name and target. Interrupted, it
 * goes on where it was with `project`.
 *
 * @throws PROJECTION_FAILED at an event whose handler throws; INVALID_ARGUMENT; NOT_SUPPORTED on a log with several shards.
 * @example
 * const { position } = await rebuild(store, stock)
 */
export async function rebuild<ReadModel>(
  store: Pick<EventStore, 'subscribe' | 'tracer' | 'capabilities'>,
  projection: Projection<ReadModel>,
  options: CallOptions = {},
): Promise<Rebuilt> {
  refuseUnknownOptions(options, callFields, 'rebuild')
  const { signal = new AbortController().signal } = options
  signal.throwIfAborted()
  refuseSeveralShards(store)
  checkProjection(projection)
  let position = 0
  const saved = (reached: number): void => {
    position = reached
  }
  await runProjection(store, projection, { signal, begin: 'rebuild', saved, until: 'caught_up', tracer: store.tracer })
  return { position }
}
