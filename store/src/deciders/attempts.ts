import { systemClock, systemRandom } from '../engine/system-clock.ts'
import { limits } from '../model/limits.ts'
import { checkWhole } from '../model/whole-number.ts'
import type { ExecuteOptions } from './execute-options.ts'

/** The bounds between which the pause before a further attempt is drawn grow from here, doubling, in milliseconds. */
const pauseMinMs = 10
const pauseMaxMs = 1_000

/** Tries again while others come first, and says how often it took. */
export async function attempted<Result extends object>(
  options: ExecuteOptions,
  isWorthAnother: (error: unknown) => boolean,
  attempt: () => Promise<Result>,
): Promise<Result & { readonly attempts: number }> {
  const attemptsMax = attemptsMaxOf(options)
  for (let attempts = 1; ; attempts++) {
    try {
      return { ...(await attempt()), attempts }
    } catch (error) {
      if (attempts === attemptsMax || !isWorthAnother(error)) throw error
    }
    await pauseAfter(attempts, options, options.signal)
    options.signal?.throwIfAborted()
  }
}

/**
 * How often may be tried.
 *
 * @throws INVALID_ARGUMENT
 */
export function attemptsMaxOf({ attemptsMax = limits.conflictAttempts }: ExecuteOptions): number {
  checkWhole('attemptsMax', attemptsMax, 1)
  return attemptsMax
}

/** Waits before the next attempt. Full jitter: of many that lost to one winner, no two come back at the same time. */
export function pauseAfter(
  attempts: number,
  { clock = systemClock, random = systemRandom }: ExecuteOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  return clock.sleep(random() * Math.min(pauseMinMs * 2 ** attempts, pauseMaxMs), signal)
}
