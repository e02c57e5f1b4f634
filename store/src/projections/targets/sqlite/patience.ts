import type { Clock } from '../../../engine/clock.ts'
import { isBusy, translated } from './errors.ts'

/** Pauses while another process holds the write lock: it commits within milliseconds, so ask again soon. */
const pauseMsMin = 1
const pauseMsMax = 16

/** How the connections of one target wait for the locks of others. */
export interface Patience {
  readonly clock: Clock
  readonly busyMs: number
}

/**
 * Tries again until no other connection stands in the way, or the time is over. SQLite's own waiting would stop the whole
 * process, with it the handlers that hold the lock, where they belong to another target on the same file.
 */
export async function untilUnlocked<Result>(
  { clock, busyMs }: Patience,
  path: string,
  run: () => Result,
): Promise<Result> {
  const deadline = clock.now() + busyMs
  for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    try {
      return run()
    } catch (error) {
      if (!isBusy(error) || clock.now() >= deadline) throw translated(error, path)
      await clock.sleep(pauseMs)
    }
  }
}
