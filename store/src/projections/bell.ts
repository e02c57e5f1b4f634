/** Wakes all that wait now. Whoever waits later hears of the next ring only, and so looks before it waits. */
export interface Bell {
  ring(): void
  /** Resolves with the next ring, or when the signal aborts. */
  rung(signal: AbortSignal): Promise<void>
}

/** A bell that nobody hears yet. */
export function createBell(): Bell {
  const sleepers = new Set<() => void>()
  return {
    ring: () => {
      for (const wake of [...sleepers]) wake()
    },
    rung: (signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          sleepers.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        if (signal.aborted) return resolve()
        sleepers.add(wake)
        signal.addEventListener('abort', wake)
      }),
  }
}
