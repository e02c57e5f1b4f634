import type { Clock } from '../../engine/clock.ts'
import { createWakeUps } from '../../engine/wake-ups.ts'

/** Pauses between looks at the file: short after activity, doubling while nothing happens. */
const pollMsMin = 2
const pollMsMax = 100

/** Wakes whoever listens, once per notification or once for several. */
export interface Wake {
  /** Something was committed, here or elsewhere. */
  notify(): void
  listen(signal: AbortSignal): AsyncIterable<void>
  close(): void
}

/**
 * Wake-ups for listeners in this process. Commits of this engine ring at once. Commits of other processes are found by
 * asking SQLite whether the file changed: one poller for all listeners, and only while one of them waits.
 *
 * @param changed whether another connection has committed since it was last asked; undefined when none can.
 */
export function createWake(clock: Clock, changed: (() => boolean) | undefined): Wake {
  let polling: AbortController | undefined
  const { ring, listen, close } = createWakeUps((isAnybody) => {
    if (!isAnybody) stopPolling()
    else if (changed !== undefined) startPolling(changed)
  })

  function startPolling(lookAtFile: () => boolean): void {
    if (polling !== undefined) return
    polling = new AbortController()
    void poll(lookAtFile, polling.signal)
  }

  function stopPolling(): void {
    polling?.abort()
    polling = undefined
  }

  async function poll(lookAtFile: () => boolean, signal: AbortSignal): Promise<void> {
    for (let pauseMs = pollMsMin; !signal.aborted; pauseMs = Math.min(pauseMs * 2, pollMsMax)) {
      // Looking first: what was committed between two waits is found without a pause.
      if (hasNews(lookAtFile)) return ring()
      await clock.sleep(pauseMs, signal)
    }
  }

  return { notify: ring, listen, close }
}

/** Where another process recovers the file, or the disk fails, there may be news: whoever reads then waits, or is told why. */
function hasNews(lookAtFile: () => boolean): boolean {
  try {
    return lookAtFile()
  } catch {
    return true
  }
}
