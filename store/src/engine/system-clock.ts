import type { Clock } from './clock.ts'

/** The machine's clock. A composition root: the only place of the library that touches timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
      function done(): void {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
    }),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}

/** A number from 0 up to 1: chance, for code that is handed it as it is handed the clock. */
export const systemRandom = (): number => Math.random()

/** A random UUID, for records that an engine keeps for itself. */
export const systemId = (): string => crypto.randomUUID()
