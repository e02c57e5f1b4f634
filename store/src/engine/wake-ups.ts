/** Wake-ups for listeners in this process: one for a ring, or for several that came while nobody looked. */
export interface WakeUps {
  ring(): void
  /** Yields after rings; ends when the signal aborts or the wake-ups are closed. */
  listen(signal: AbortSignal): AsyncGenerator<void>
  close(): void
}

/**
 * The wake-ups of an engine.
 *
 * @param waiting told when the first listener begins to wait, and when none waits any more.
 */
export function createWakeUps(waiting: (isAnybody: boolean) => void = () => undefined): WakeUps {
  const sleepers = new Set<() => void>()
  let rings = 0
  let closed = false

  function ring(): void {
    rings++
    for (const release of [...sleepers]) release()
  }

  async function* listen(signal: AbortSignal): AsyncGenerator<void> {
    let heard = rings
    while (!closed && !signal.aborted) {
      if (heard === rings) await nextRing(signal)
      if (closed || signal.aborted || heard === rings) continue
      heard = rings
      yield
    }
  }

  function nextRing(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        sleepers.delete(release)
        signal.removeEventListener('abort', release)
        if (sleepers.size === 0) waiting(false)
        resolve()
      }
      sleepers.add(release)
      signal.addEventListener('abort', release)
      if (sleepers.size === 1) waiting(true)
    })
  }

  return {
    ring,
    listen,
    close: () => {
      closed = true
      ring()
    },
  }
}
