import type { Clock } from '../../store/src/engine/clock.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'

/** A clock that stands still until it is advanced. */
export interface ManualClock extends Clock {
  /** Lets time pass, and wakes whoever slept that long. */
  advance(ms: number): void
}

/** Begins now, so that it is no later than what stores note with the machine's clock in the next milliseconds. */
export function manualClock(startMs = Date.now()): ManualClock {
  let nowMs = startMs
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>()
  return {
    now: () => nowMs,
    turn: systemClock.turn,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted || ms <= 0) return resolve()
        const sleeper = { untilMs: nowMs + ms, wake }
        function wake(): void {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', wake)
      }),
    advance: (ms) => {
      nowMs += ms
      for (const { untilMs, wake } of [...sleepers]) if (untilMs <= nowMs) wake()
    },
  }
}
