import type { Capabilities } from '../../engine/capabilities.ts'
import type { Engine } from '../../engine/engine.ts'
import { createWakeUps } from '../../engine/wake-ups.ts'
import { InvalidArgument, NotSupported, StoreClosed } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { limits } from '../../model/limits.ts'
import { isPosition } from '../../model/position.ts'
import { append } from './append.ts'
import { emptyLog, headsOf } from './log.ts'
import { find, listStreams, read } from './read.ts'
import { memoryShelf } from './shelf.ts'

const optionFields = fieldsOf<MemoryOptions>({ logShards: true })

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
  logShards: 1,
}

/** Options of {@link memory}. */
export interface MemoryOptions {
  /**
   * Log shards, each with an order of its own, for tests of what is to run on an engine that has several. Up to
   * `limits.logShards`; with more than 1 there are no append conditions. Default 1.
   */
  readonly logShards?: number | undefined
}

/**
 * An engine that keeps everything in this process and forgets it at the end: for tests, and as the readable reference
 * that every other engine is compared with.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const store = openStore({ engine: memory() })
 */
export function memory(options: MemoryOptions = {}): Engine {
  refuseUnknownOptions(options, optionFields, 'memory')
  const { logShards = 1 } = options
  if (!isPosition(logShards) || logShards < 1 || logShards > limits.logShards) {
    throw new InvalidArgument('logShards', `is not a whole number from 1 to ${limits.logShards}`)
  }
  const log = emptyLog(logShards)
  const wakeUps = createWakeUps()
  let closed = false

  // Every verb is asynchronous, so that a closed engine and an aborted signal reject instead of throwing.
  async function open<Result>(signal: AbortSignal | undefined, verb: () => Result): Promise<Result> {
    if (closed) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    return verb()
  }

  return {
    capabilities: logShards === 1 ? capabilities : { ...capabilities, logShards, appendConditions: false },
    append: (batch, signal) =>
      open(signal, () => {
        if (logShards > 1 && batch.some(({ condition }) => condition !== undefined)) {
          throw new NotSupported('memory', 'appendConditions', 'Open it with one log shard to have them.')
        }
        const outcomes = batch.map((request) => append(log, request))
        wakeUps.ring()
        return outcomes
      }),
    read: (query, signal) => open(signal, () => read(log, query)),
    find: (eventId, signal) => open(signal, () => find(log, eventId)),
    head: (signal) => open(signal, () => Math.max(...headsOf(log))),
    ...(logShards > 1 && { heads: (signal?: AbortSignal) => open(signal, () => headsOf(log)) }),
    streams: (query, signal) => open(signal, () => listStreams(log, query)),
    wake: wakeUps.listen,
    shelf: memoryShelf(open),
    close: async () => {
      closed = true
      wakeUps.close()
    },
  }
}
