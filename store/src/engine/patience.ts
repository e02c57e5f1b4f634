import { isVarveError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { Clock } from './clock.ts'

/** How to wait. */
export interface Patience {
  readonly clock: Clock
  readonly signal: AbortSignal
}

const retryMinMs = 50
const retryMaxMs = 5_000

/**
 * Waits for a store that is away, up to `limits.readAttempts` times: a database that restarts is no reason to end.
 * `earlier` tells a call whether an attempt before it may have been carried out all the same.
 */
export async function patiently<Result>(
  { clock, signal }: Patience,
  call: (earlier: boolean) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(attempt > 1)
    } catch (error) {
      if (!isVarveError(error, 'ENGINE_UNAVAILABLE') || attempt === limits.readAttempts) throw error
      await clock.sleep(Math.min(retryMinMs * 2 ** attempt, retryMaxMs), signal)
      signal.throwIfAborted()
    }
  }
}
