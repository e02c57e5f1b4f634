import type { Clock } from './clock.ts'

/** The longest that a timer of the platform runs; one that is given more fires at once. */
const timerMaxMs = 2 ** 31 - 1

/** The machine's clock. A composition root: the only place of the library that touches timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      let leftMs = ms
      let timer = nextTimer()
      signal?.addEventListener('abort', done, { once: true })
      function nextTimer(): NodeJS.Timeout {
        if (!(leftMs > timerMaxMs)) return setTimeout(done, leftMs)
        leftMs -= timerMaxMs
        return setTimeout(() => {
          timer = nextTimer()
        }, timerMaxMs)
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
