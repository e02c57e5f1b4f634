import type { Clock } from '../../engine/clock.ts'

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
  const waiting = new Set<() => void>()
  const closing = new AbortController()
  let listeners = 0
  let rings = 0
  let looking: Promise<void> | undefined
  let idle = new AbortController()

  function ring(): void {
    rings++
    for (const release of [...waiting]) release()
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
      let heard = rings
      while (!closing.signal.aborted && !signal.aborted) {
        if (heard === rings) await nextRing(signal)
        if (closing.signal.aborted || signal.aborted || heard === rings) continue
        heard = rings
        yield
      }
    } finally {
      listeners--
      if (listeners === 0) idle.abort()
    }
  }

  function nextRing(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        waiting.delete(release)
        signal.removeEventListener('abort', release)
        resolve()
      }
      waiting.add(release)
      signal.addEventListener('abort', release)
    })
  }

  return {
    notify: ring,
    listen,
    close: async () => {
      closing.abort()
      ring()
      await looking
    },
  }
}
