import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { AppendOutcome, AppendRequest, Engine } from '../../engine/engine.ts'
import { EngineFailed, NotSupported } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import type { AppendShard, ChunkSize } from './append.ts'
import { createAppends } from './append-turns.ts'
import { type Claims, createClaims } from './claims.ts'
import { createConnection } from './connection.ts'
import { find } from './find.ts'
import { migrateUp, newestFormat, refuseNewer, refuseOtherShards, type TableState, tableState } from './migrate.ts'
import { openShard } from './open-shard.ts'
import type { ClientSource } from './place.ts'
import { headsOf, type LogShards, listAll, readPage } from './read-shards.ts'
import { createCalls } from './requests.ts'
import { foundIn } from './shard.ts'
import { createShelf } from './shelf.ts'
import type { Table } from './table.ts'
import { createWake } from './wake.ts'

/** Everything that may be set; `dynamodb` fills in the defaults. */
export interface EngineParts {
  readonly table: string
  readonly logShards: number
  readonly source: ClientSource
  readonly migrate: 'up' | 'refuse'
  readonly lookMsMax: number
  readonly chunkSize: ChunkSize
  readonly clock: Clock
  readonly random: () => number
}

/** An open table. */
interface Opened extends LogShards {
  readonly table: Table
  readonly claims: Claims | undefined
  append(batch: readonly AppendRequest[]): Promise<readonly AppendOutcome[]>
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
  const { clock, random, chunkSize, logShards } = parts
  const calls = createCalls({ clock, random })
  const connection = createConnection(parts.table, parts.source, calls)
  const newId = createWriteIds(random)
  const wake = createWake({ clock, lookMsMax: parts.lookMsMax, look: async () => headsOf(await open()) })
  const open = once(begin)
  let closed: Promise<void> | undefined

  async function begin(): Promise<Opened> {
    const connected = await connection.open()
    if (parts.migrate === 'up') await migrateUp(connected, logShards, clock)
    else refuseOther(await tableState(connected), parts)
    const { table } = connected
    const shards = Array.from({ length: logShards }, (_, shard) =>
      once(() => openShard({ table, shard, logShards, calls, onNews: wake.notify })),
    )
    const shardAt = (shard: number): Promise<AppendShard> => (shards[shard] as () => Promise<AppendShard>)()
    const claims = logShards === 1 ? undefined : createClaims(table, logShards, calls)
    const append = createAppends({ logShards, shardAt, calls, chunkSize, newCommitId: newId, claims })
    return { logShards, shardAt, table, claims, append }
  }

  async function close(): Promise<void> {
    await calls.close()
    await wake.close()
    await connection.close()
  }

  return {
    capabilities: logShards === 1 ? capabilities : { ...capabilities, logShards, appendConditions: false },
    append: (batch, signal) =>
      calls.call(signal, async () => {
        if (batch.length === 0) return []
        refuseConditions(logShards, batch)
        const outcomes = await (await open()).append(batch)
        // A repeat may be the echo of a commit whose answer got lost, and of which nobody was told.
        if (outcomes.some((outcome) => 'firstPosition' in outcome)) wake.notify()
        return outcomes
      }),
    read: (query, signal) => calls.call(signal, async () => readPage(await open(), query)),
    find: (eventId, signal) => calls.call(signal, async () => findEvent(await open(), eventId)),
    head: (signal) => calls.call(signal, async () => Math.max(...(await headsOf(await open())))),
    ...(logShards > 1 && {
      heads: (signal?: AbortSignal) => calls.call(signal, async () => headsOf(await open())),
    }),
    streams: (query, signal) => calls.call(signal, async () => listAll(await open(), query)),
    wake: wake.listen,
    shelf: createShelf({ calls, open: async () => (await open()).table, newWriteId: newId }),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

/** Opens when it is first asked for, and tries again when that failed. */
function once<Result>(begin: () => Promise<Result>): () => Promise<Result> {
  let begun: Promise<Result> | undefined
  return () => {
    begun ??= begin().catch((error: unknown) => {
      begun = undefined
      throw error
    })
    return begun
  }
}

function refuseConditions(logShards: number, batch: readonly AppendRequest[]): void {
  if (logShards === 1 || !batch.some(({ condition }) => condition !== undefined)) return
  throw new NotSupported('dynamodb', 'appendConditions', 'A store that was made with one log shard has them.')
}

async function findEvent({ shardAt, claims, logShards }: Opened, eventId: string): Promise<StoredEvent | undefined> {
  if (claims !== undefined) {
    const found = await claims.find(eventId)
    return found && { ...found.event, position: foundIn({ shard: found.shard, logShards }, found.event).position }
  }
  const shard = await shardAt(0)
  return find(shard, await shard.refresh(), eventId)
}

function refuseOther(
  { version, logShards: found }: TableState,
  { table, logShards }: Pick<EngineParts, 'table' | 'logShards'>,
): void {
  refuseNewer(version)
  if (version === newestFormat) {
    refuseOtherShards(found, logShards, table)
    return
  }
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
