import type { EventStore } from '../event-store.ts'
import { InvalidArgument, StoreClosed } from '../model/errors.ts'
import { firstCheckpoint, type TargetCheckpoint } from '../model/target.ts'
import type { Tracer } from '../model/tracer.ts'
import { applied, savedWholeOrHalved } from './apply.ts'
import { inBatchSpan } from './batch-span.ts'
import { type Gathering, gather, type SaveEffect } from './gathering.ts'
import type { Projection } from './projection.ts'

/** What a run of a projection needs beyond the projection. */
export interface RunOptions {
  readonly signal: AbortSignal
  /** `'rebuild'` begins anew whatever is there; `'resume'` only where there is nothing, or an older version. */
  readonly begin: 'resume' | 'rebuild'
  /** Called after each saved checkpoint. */
  readonly saved: (position: number) => void
  /** When the run is over by itself: never, or once it has caught up. */
  readonly until: 'stopped' | 'caught_up'
  /** Gives a span to each batch. */
  readonly tracer: Tracer | undefined
}

/** Runs a projection: begins or resumes, then saves batch after batch. Rejects with `signal.reason` when stopped. */
export async function runProjection<ReadModel>(
  store: Pick<EventStore, 'subscribe'>,
  projection: Projection<ReadModel>,
  { signal, begin, saved, until, tracer }: RunOptions,
): Promise<void> {
  let checkpoint = begin === 'rebuild' ? await beginAnew(projection, 'any') : await resume(projection)
  saved(checkpoint.position)
  let state: Gathering = { savedPosition: checkpoint.position, pending: [] }
  const { filter } = projection
  for await (const item of store.subscribe({ from: checkpoint.position + 1, filter, marks: true, signal })) {
    const step = gather(state, item)
    state = step.state
    if (step.save !== undefined) {
      checkpoint = await savedWholeOrHalved(step.save, checkpoint, async (batch, from) => {
        const { events } = batch
        const write = (): Promise<TargetCheckpoint> => save(projection, from, batch)
        const isTraced = tracer !== undefined && events.length > 0
        const next = await (isTraced ? inBatchSpan(tracer, { projection }, events, write) : write())
        saved(next.position)
        return next
      })
    }
    if (item.kind === 'caught_up' && until === 'caught_up') return
  }
  // Closing the store ends its subscriptions without an error.
  if (until === 'caught_up') throw new StoreClosed()
}

async function resume<ReadModel>(projection: Projection<ReadModel>): Promise<TargetCheckpoint> {
  const { name, version, target } = projection
  const found = await target.checkpoint(name)
  if (found === undefined || found.version < version) return beginAnew(projection, found)
  if (found.version > version) {
    throw new InvalidArgument(
      'version',
      `is ${version}, but version ${found.version} of projection ${JSON.stringify(name)} built the read model: ` +
        'run that version, or rebuild with this one',
    )
  }
  return found
}

async function beginAnew<ReadModel>(
  { name, version, target, empty }: Projection<ReadModel>,
  expected: TargetCheckpoint | 'any' | undefined,
): Promise<TargetCheckpoint> {
  const next = firstCheckpoint(version)
  await target.write({ projection: name, expected, next, empty: true, apply: empty })
  return next
}

async function save<ReadModel>(
  projection: Projection<ReadModel>,
  expected: TargetCheckpoint,
  { events, position }: SaveEffect,
): Promise<TargetCheckpoint> {
  const next = { ...expected, position }
  const apply = (readModel: ReadModel): unknown => applied(projection, events, readModel)
  await projection.target.write({ projection: projection.name, expected, next, empty: false, apply, events })
  return next
}
