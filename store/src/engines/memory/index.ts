import type { Capabilities } from '../../engine/capabilities.ts'
import type { Engine } from '../../engine/engine.ts'
import { StoreClosed } from '../../model/errors.ts'
import { append } from './append.ts'
import { emptyLog } from './log.ts'
import { find, listStreams, read } from './read.ts'
import { memoryShelf } from './shelf.ts'
import { createWake } from './wake.ts'

/** What the memory engine can do. */
const capabilities: Capabilities = {
  engine: 'memory',
  gaplessPositions: true,
  appendConditions: true,
  multiStreamAppends: true,
  durable: false,
  sharedStorage: false,
  callerTransactions: false,
  batchesInFlight: 1,
  readsOverNetwork: false,
}

/**
 * An engine that keeps everything in this process and forgets it at the end: for tests, and as the readable reference
 * that every other engine is compared with.
 *
 * @example
 * const store = openStore({ engine: memory() })
 */
export function memory(): Engine {
  const log = emptyLog()
  const wake = createWake()
  let closed = false

  // Every verb is asynchronous, so that a closed engine and an aborted signal reject instead of throwing.
  async function open<Result>(signal: AbortSignal | undefined, verb: () => Result): Promise<Result> {
    if (closed) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    return verb()
  }

  return {
    capabilities,
    append: (batch, signal) =>
      open(signal, () => {
        const outcomes = batch.map((request) => append(log, request))
        wake.notify()
        return outcomes
      }),
    read: (query, signal) => open(signal, () => read(log, query)),
    find: (eventId, signal) => open(signal, () => find(log, eventId)),
    head: (signal) => open(signal, () => log.events.length),
    streams: (query, signal) => open(signal, () => listStreams(log, query)),
    wake: wake.listen,
    shelf: memoryShelf(open),
    close: async () => {
      closed = true
      wake.close()
    },
  }
}
