/** Wakes whoever listens, once per notification or once for several. */
export interface Wake {
  notify(): void
  listen(signal: AbortSignal): AsyncIterable<void>
  close(): void
}

/** A wake-up for listeners in this process. */
export function createWake(): Wake {
  const waiting = new Set<() => void>()
  let rings = 0
  let closed = false

  function ring(): void {
    rings++
    for (const release of waiting) release()
    waiting.clear()
  }

  async function* listen(signal: AbortSignal): AsyncGenerator<void> {
    let heard = rings
    while (!closed && !signal.aborted) {
      if (heard === rings) await nextRing(signal)
      if (heard === rings) continue
      heard = rings
      yield
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
    close: () => {
      closed = true
      ring()
    },
  }
}
