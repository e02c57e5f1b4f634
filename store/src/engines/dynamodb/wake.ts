import type { Clock } from '../../engine/clock.ts'
import { createWakeUps } from '../../engine/wake-ups.ts'

/** Pauses between two looks at the end of the log while somebody listens, in milliseconds. */
const lookMsMin = 50

/** Wakes whoever listens, once per ring or once for several. */
export interface Wake {
  /** Something was committed, here or elsewhere. */
  notify(): void
  listen(signal: AbortSignal): AsyncIterable<void>
  close(): Promise<void>
}

/** What {@link createWake} takes. */
export interface WakeParts {
  readonly clock: Clock
  /** The longest pause between two looks, in milliseconds. */
  readonly lookMsMax: number
  /** Looks whether others have committed, and then rings. */
  readonly look: () => Promise<unknown>
}

/**
 * Wake-ups for listeners in this process. Commits of this engine ring at once. DynamoDB tells nobody of those of others, so
 * one loop for all listeners looks, after pauses that double while nothing comes: each look is one read unit.
 */
export function createWake({ clock, lookMsMax, look }: WakeParts): Wake {
  const wakeUps = createWakeUps()
  const closing = new AbortController()
  let listeners = 0
  let rings = 0
  let looking: Promise<void> | undefined
  let idle = new AbortController()

  function ring(): void {
    rings++
    wakeUps.ring()
  }

  async function keepLooking(): Promise<void> {
    let seen = rings
    for (let pauseMs = lookMsMin; listeners > 0 && !closing.signal.aborted; ) {
      await clock.sleep(pauseMs, AbortSignal.any([closing.signal, idle.signal]))
      if (listeners === 0 || closing.signal.aborted) return
      // A hint that is lost: readers look for themselves.
      await look().catch(() => undefined)
      pauseMs = rings === seen ? Math.min(pauseMs * 2, lookMsMax) : lookMsMin
      seen = rings
    }
  }

  async function* listen(signal: AbortSignal): AsyncGenerator<void> {
    listeners++
    if (listeners === 1) {
      idle = new AbortController()
      looking = (looking ?? Promise.resolve()).then(keepLooking)
    }
    try {
      yield* wakeUps.listen(signal)
    } finally {
      listeners--
      if (listeners === 0) idle.abort()
    }
  }

  return {
    notify: ring,
    listen,
    close: async () => {
      closing.abort()
      wakeUps.close()
      await looking
    },
  }
}
