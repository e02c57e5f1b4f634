import type { Clock } from '../engine/clock.ts'

/**
 * Time as far as somebody was looking: it goes on between two looks, by no more than a bound, and never back. So neither a
 * clock that is set nor a process that was stopped for a while makes others look silent who were not watched meanwhile.
 */
export interface WatchedTime extends Pick<Clock, 'now'> {
  /** Begins a look. */
  look(): void
}

/** Begins at 0; `stepMaxMs` is the most that passes from one look to the next. */
export function createWatchedTime(clock: Pick<Clock, 'now'>, stepMaxMs: number): WatchedTime {
  let watchedMs = 0
  let lookedAtMs = clock.now()
  return {
    look: () => {
      const nowMs = clock.now()
      watchedMs += Math.min(Math.max(nowMs - lookedAtMs, 0), stepMaxMs)
      lookedAtMs = nowMs
    },
    now: () => watchedMs,
  }
}
