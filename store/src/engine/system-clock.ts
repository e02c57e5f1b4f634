import type { Clock } from './clock.ts'

/** What a timer of Node can wait; it takes more for nothing at all. */
const timerMaxMs = 2 ** 31 - 1

/** The machine's clock. A composition root: the only place of the library that touches timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const overMs = performance.now() + ms
      let timer = setTimeout(look, Math.min(ms, timerMaxMs))
      signal?.addEventListener('abort', done, { once: true })
      // A timer may fire up to a millisecond early, and whoever waits until something is over must not find that it is not.
      function look(): void {
        const leftMs = overMs - performance.now()
        if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, timerMaxMs))
        else done()
      }
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
