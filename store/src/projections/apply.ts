import type { RecordedEvent } from '../model/event.ts'
import { ProjectionFailed } from '../model/event-errors.ts'
import type { Projection } from './projection.ts'

/**
 * Hands events to a projection's handlers, one after the other; what is thrown says at which event.
 *
 * Handlers that do not wait are not waited for: a batch of theirs is one synchronous stretch, so nobody who shares the
 * connection sees it half done.
 */
export function applied<ReadModel>(
  { name, handle }: Pick<Projection<ReadModel>, 'name' | 'handle'>,
  events: readonly RecordedEvent[],
  readModel: ReadModel,
): unknown {
  const guarded = (event: RecordedEvent): unknown => {
    const failed = (cause: unknown): never => {
      throw new ProjectionFailed(name, event, { cause })
    }
    try {
      const handled = handle(readModel, event)
      return isPromise(handled) ? handled.then(undefined, failed) : undefined
    } catch (cause) {
      return failed(cause)
    }
  }
  return applyFrom(events, 0, guarded)
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
