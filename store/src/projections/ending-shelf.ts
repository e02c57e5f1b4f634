import type { Clock } from '../engine/clock.ts'
import type { EventStore } from '../event-store.ts'
import { EngineUnavailable } from '../model/errors.ts'
import type { StoreShelf } from '../model/shelf.ts'

/**
 * How long a call may take once an instance is to end, in milliseconds. A store tries again for many seconds while its server
 * is away, which nobody who ends a process waits for; the lease ends by itself.
 */
const lastCallMs = 2_000

/**
 * The shelf of a store for an instance that ends when `ending` aborts: from then on lists are not read any more, and every other
 * call has its time. Where one has not done within it, the store is taken for gone, and so for those that follow. As after a
 * crash, what such a call wanted to write may be there or not.
 */
export function endingShelf(
  { shelf, capabilities }: Pick<EventStore, 'shelf' | 'capabilities'>,
  ending: AbortSignal,
  clock: Clock,
): StoreShelf {
  const gone = new AbortController()

  async function inTime<Result>(given: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<Result>) {
    const over = new AbortController()
    void aborted(ending, over.signal)
      .then(() => clock.sleep(lastCallMs, over.signal))
      .then(() => {
        const problem = `no answer within ${lastCallMs} ms, and this instance ends`
        if (!over.signal.aborted) gone.abort(new EngineUnavailable(capabilities.engine, problem))
      })
    try {
      return await call(given === undefined ? gone.signal : AbortSignal.any([given, gone.signal]))
    } finally {
      over.abort()
    }
  }

  return {
    get: (key, options) => inTime(options?.signal, (signal) => shelf.get(key, { signal })),
    put: (key, value, options) => inTime(options?.signal, (signal) => shelf.put(key, value, { ...options, signal })),
    delete: (key, options) => inTime(options?.signal, (signal) => shelf.delete(key, { ...options, signal })),
    list: ({ signal, ...options } = {}) =>
      shelf.list({ ...options, signal: signal === undefined ? ending : AbortSignal.any([signal, ending]) }),
  }
}

/** Resolves when a signal has aborted, or when nobody waits for that any more. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over })
    over.addEventListener('abort', () => resolve(), { once: true })
  })
}
