import { systemClock, systemRandom } from '../engine/system-clock.ts'
import { InvalidArgument } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
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
  const { attemptsMax = limits.conflictAttempts, clock = systemClock, random = systemRandom, signal } = options
  if (!isPosition(attemptsMax) || attemptsMax === 0) {
    throw new InvalidArgument('attemptsMax', 'is not a whole number from 1 on')
  }
  for (let attempts = 1; ; attempts++) {
    try {
      return { ...(await attempt()), attempts }
    } catch (error) {
      if (attempts === attemptsMax || !isWorthAnother(error)) throw error
    }
    // Full jitter: of many that lost to one winner, no two come back at the same time.
    await clock.sleep(random() * Math.min(pauseMinMs * 2 ** attempts, pauseMaxMs), signal)
    signal?.throwIfAborted()
  }
}
