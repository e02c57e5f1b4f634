import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { EngineFailed } from '../../model/errors.ts'
import type { ChunkSize } from './append.ts'
import { createConnection } from './connection.ts'
import { find, listStreams } from './find.ts'
import { migrateUp, newestFormat, refuseNewer, tableState } from './migrate.ts'
import { openShard, type Shard } from './open-shard.ts'
import type { ClientSource } from './place.ts'
import { readLog } from './read-log.ts'
import { readStream } from './read-stream.ts'
import { createCalls } from './requests.ts'
import { createShelf } from './shelf.ts'
import { createWake } from './wake.ts'

/** Everything that may be set; `dynamodb` fills in the defaults. */
export interface EngineParts {
  readonly table: string
  readonly source: ClientSource
  readonly migrate: 'up' | 'refuse'
  readonly lookMsMax: number
  readonly chunkSize: ChunkSize
  readonly clock: Clock
  readonly random: () => number
}

const capabilities: Capabilities = {
  engine: 'dynamodb',
  logShards: 1,
  gaplessPositions: true,
  appendConditions: true,
  multiStreamAppends: true,
  durable: true,
  sharedStorage: true,
  callerTransactions: false,
  batchesInFlight: 1,
  readsOverNetwork: true,
}

/** Binds the verbs of the port to one table. */
export function openEngine(parts: EngineParts): Engine {
  const { clock, random, chunkSize } = parts
  const calls = createCalls({ clock, random })
  const connection = createConnection(parts.table, parts.source, calls)
  const newId = createWriteIds(random)
  const wake = createWake({ clock, lookMsMax: parts.lookMsMax, look: async () => (await open()).refresh() })
  let opened: Promise<Shard> | undefined
  let closed: Promise<void> | undefined

  async function begin(): Promise<Shard> {
    const connected = await connection.open()
    if (parts.migrate === 'up') await migrateUp(connected, clock)
    else refuseOther((await tableState(connected)).version, parts.table)
    return openShard({ table: connected.table, shard: 0, calls, chunkSize, newCommitId: newId, onNews: wake.notify })
  }

  function open(): Promise<Shard> {
    opened ??= begin().catch((error: unknown) => {
      // The next call tries again.
      opened = undefined
      throw error
    })
    return opened
  }

  async function close(): Promise<void> {
    await calls.close()
    await wake.close()
    await connection.close()
  }

  return {
    capabilities,
    append: (batch, signal) =>
      calls.call(signal, async () => {
        if (batch.length === 0) return []
        const outcomes = await (await open()).append(batch)
        // A repeat may be the echo of a commit whose answer got lost, and of which nobody was told.
        if (outcomes.some((outcome) => 'firstPosition' in outcome)) wake.notify()
        return outcomes
      }),
    read: (query, signal) =>
      calls.call(signal, async () => {
        const shard = await open()
        const view = await shard.refresh()
        const { source } = query
        return 'query' in source
          ? readLog(shard, view, source.query, query)
          : readStream(shard, view, source.streamId, query)
      }),
    find: (eventId, signal) =>
      calls.call(signal, async () => {
        const shard = await open()
        return find(shard, await shard.refresh(), eventId)
      }),
    head: (signal) => calls.call(signal, async () => (await (await open()).refresh()).head),
    streams: (query, signal) =>
      calls.call(signal, async () => {
        const shard = await open()
        return listStreams(shard, await shard.refresh(), query)
      }),
    wake: wake.listen,
    shelf: createShelf({ calls, open: async () => (await open()).table, newWriteId: newId }),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

function refuseOther(version: number, table: string): void {
  refuseNewer(version)
  if (version === newestFormat) return
  throw new EngineFailed(
    'dynamodb',
    `there is no store in the table ${JSON.stringify(table)}. Check its name and the region, or make one: 'varve migrate --up'`,
  )
}

/**
 * Names for writes: drawn once for the engine, then counted. Two engines that drew the same would take each other's commits for
 * their own, so that 104 bits are drawn.
 */
function createWriteIds(random: () => number): () => string {
  const drawn = Array.from({ length: 2 }, () => Math.floor(random() * 2 ** 52).toString(36))
  let count = 0
  return () => `${drawn.join('-')}-${(count++).toString(36)}`
}
