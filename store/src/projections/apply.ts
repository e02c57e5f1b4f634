import { isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { ProjectionFailed } from '../model/event-errors.ts'
import { isPassing } from './failure-policy.ts'
import { halves, type SaveEffect } from './gathering.ts'
import type { Projection } from './projection.ts'

/** A batch was refused as a whole; which event it was, or whether it was one, is not known. */
export class BatchRefused extends Error {}

/**
 * Hands events to a projection's handlers, one after the other; what is thrown says at which event. Several at once go to
 * the handler of whole batches, if it has one; what that throws is a {@link BatchRefused}, and so are several that together
 * change more than a target takes at once.
 *
 * Handlers that do not wait are not waited for: a batch of theirs is one synchronous stretch, so nobody who shares the
 * connection sees it half done.
 */
export function applied<ReadModel>(
  { name, handle, handleTogether }: Pick<Projection<ReadModel>, 'name' | 'handle' | 'handleTogether'>,
  events: readonly RecordedEvent[],
  readModel: ReadModel,
): unknown {
  if (handleTogether !== undefined && events.length > 1) {
    const refused = (cause: unknown): Error => new BatchRefused('a batch was refused', { cause })
    return guarded(() => handleTogether(readModel, events), refused)
  }
  return applyFrom(events, 0, (event) =>
    guarded(
      () => handle(readModel, event),
      (cause) =>
        isTooMuch(cause) && events.length > 1
          ? new BatchRefused('a batch was refused', { cause })
          : new ProjectionFailed(name, event, { cause }),
    ),
  )
}

/** Whether it is what all events of a batch change together, and not what this one does. */
function isTooMuch(cause: unknown): boolean {
  return isVarveError(cause, 'LIMIT_EXCEEDED') && cause.limit === 'targetBatchChanges'
}

/**
 * Saves a batch; where its handler refuses it as a whole, its halves, one after the other. So what comes before an event
 * that cannot be handled is kept, and that event is alone in the end and can be named.
 */
export async function savedWholeOrHalved<Place>(
  save: SaveEffect,
  from: Place,
  write: (save: SaveEffect, from: Place) => Promise<Place>,
): Promise<Place> {
  try {
    return await write(save, from)
  } catch (error) {
    if (!(error instanceof BatchRefused)) throw error
    // Smaller batches do not bring back a database that is away.
    if (isPassing(error.cause)) throw error.cause
    const [first, second] = halves(save)
    return savedWholeOrHalved(second, await savedWholeOrHalved(first, from, write), write)
  }
}

/** Runs what may throw, or reject, and throws another error in its place; nothing is waited for that does not wait. */
function guarded(run: () => unknown, instead: (cause: unknown) => Error): unknown {
  const failed = (cause: unknown): never => {
    throw instead(cause)
  }
  try {
    const handled = run()
    return isPromise(handled) ? handled.then(undefined, failed) : undefined
  } catch (cause) {
    return failed(cause)
  }
}

function applyFrom(
  events: readonly RecordedEvent[],
  first: number,
  handle: (event: RecordedEvent) => unknown,
): unknown {
  for (let index = first; index < events.length; index++) {
    const handled = handle(events[index] as RecordedEvent)
    if (isPromise(handled)) return handled.then(() => applyFrom(events, index + 1, handle))
  }
  return undefined
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
