import { type AppendedAll, type Clock, type EventStore, isVarveError, type StreamWrite } from 'varve'
import { Overtaken } from './fault.ts'

const attemptsMax = 8
const pauseMs = 100

/**
 * Appends a step, again until there is an answer: it names the ids of its events, so that it is there once.
 *
 * @throws Overtaken when others have gone on from the same checkpoint, and the store's own errors.
 */
export async function appendStep(
  store: EventStore,
  clock: Clock,
  writes: readonly StreamWrite[],
): Promise<AppendedAll> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.appendAll(writes)
    } catch (error) {
      if (isVarveError(error, 'VERSION_CONFLICT') || isVarveError(error, 'DUPLICATE_EVENT_ID')) {
        throw new Overtaken(error.message, { cause: error })
      }
      if (!isVarveError(error) || !error.retryable || attempt === attemptsMax) throw error
      await clock.sleep(pauseMs * 2 ** attempt)
    }
  }
}
