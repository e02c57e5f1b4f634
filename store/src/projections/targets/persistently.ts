import type { Clock } from '../../engine/clock.ts'
import { isVarveError } from '../../model/errors.ts'

/** Attempts of what may be repeated, the first one included, and the pause before the second, which doubles. */
const attemptsMax = 6
const pauseMs = 100

/** Does what may be repeated again while its server is away, for a few seconds. */
export async function persistently<Result>(
  work: () => Promise<Result>,
  clock: Clock,
  random: () => number,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attemptsMax || !isVarveError(error, 'TARGET_UNAVAILABLE')) throw error
    }
    await clock.sleep(pauseMs * 2 ** (attempt - 1) * (0.5 + random() / 2))
  }
}
