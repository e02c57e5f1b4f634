import type { Clock } from '../../engine/clock.ts'
import { isBusy, translated } from './errors.ts'

/** Pauses while another process holds the write lock: it commits within milliseconds, so ask again soon. */
const pauseMsMin = 1
const pauseMsMax = 16

/** How long a call waits for the write lock before it is refused as ENGINE_UNAVAILABLE. */
const patienceMs = 10_000

/** Calls that wait for a lock. SQLite's own waiting would stop the whole process, timers and readers included. */
export interface Patience {
  /** Tries again and again until another connection no longer stands in the way. */
  untilUnlocked<Result>(signal: AbortSignal | undefined, verb: () => Result): Promise<Result>
  /** Resolves when no call waits any more. */
  settled(): Promise<unknown>
}

/** The patience of one engine. */
export function createPatience(clock: Clock, path: string): Patience {
  const waiting = new Set<Promise<unknown>>()

  async function tryAgain<Result>(signal: AbortSignal | undefined, verb: () => Result): Promise<Result> {
    const deadline = clock.now() + patienceMs
    for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      await clock.sleep(pauseMs, signal)
      signal?.throwIfAborted()
      try {
        return verb()
      } catch (error) {
        if (!isBusy(error) || clock.now() >= deadline) throw translated(error, path)
      }
    }
  }

  return {
    untilUnlocked: (signal, verb) => {
      const later = tryAgain(signal, verb)
      waiting.add(later)
      return later.finally(() => waiting.delete(later))
    },
    settled: () => Promise.allSettled(waiting),
  }
}
