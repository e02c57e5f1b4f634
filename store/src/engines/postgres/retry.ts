import type { Clock } from '../../engine/clock.ts'
import { isIdRace, isPassing, translated } from './errors.ts'

/** Pauses before each further try, in milliseconds: about six seconds, which covers the restart of a server. */
const pausesMs = [20, 50, 100, 200, 400, 800, 1_500, 3_000] as const

/**
 * Runs a call again while the server is out of reach. Every call through here may be repeated: reads change nothing, and
 * an append whose answer was lost finds its own ids. In the end the error is given in Varve's words.
 */
export async function retried<Result>(
  clock: Clock,
  signal: AbortSignal | undefined,
  isOver: () => boolean,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      signal?.throwIfAborted()
      const pauseMs = pausesMs[tries]
      if (pauseMs === undefined || isOver() || !(isPassing(error) || isIdRace(error))) throw translated(error)
      await clock.sleep(pauseMs, signal)
    }
  }
}
