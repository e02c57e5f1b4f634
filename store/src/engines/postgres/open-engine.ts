import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { EngineFailed, StoreClosed, StoreTooNew } from '../../model/errors.ts'
import { appendCall } from './append.ts'
import { asText, openPool, type PostgresClient, type PostgresPool, type Row } from './driver.ts'
import { migrateUp, migrations, quotedSchema, schemaVersion } from './migrate.ts'
import { createReads } from './read.ts'
import { retried } from './retry.ts'
import { createShelf } from './shelf.ts'
import { createWake } from './wake.ts'

/** Everything that may be set; `postgres` fills in the defaults. */
export interface EngineParts {
  readonly source: { readonly pool: PostgresPool } | { readonly url: string; readonly connectionsMax: number }
  readonly schema: string
  readonly migrate: 'up' | 'refuse'
  readonly prepare: boolean
  readonly listen: boolean
  readonly clock: Clock
}

const capabilities: Capabilities = {
  engine: 'postgres',
  gaplessPositions: true,
  appendConditions: true,
  multiStreamAppends: true,
  durable: true,
  sharedStorage: true,
  batchesInFlight: 1,
}

/** Binds the verbs of the port to one schema of a database. */
export function openEngine(parts: EngineParts): Engine {
  const { clock, prepare } = parts
  const schema = quotedSchema(parts.schema)
  const connection = createConnection(parts)
  const reads = createReads(schema, prepare)
  const wake = createWake({
    openPool: connection.open,
    channel: `varve_${parts.schema}`,
    clock,
    listens: parts.listen && connection.canListen,
  })
  const underWay = new Set<Promise<unknown>>()
  let closed = false

  async function call<Result>(
    signal: AbortSignal | undefined,
    verb: (client: PostgresClient) => Promise<Result>,
  ): Promise<Result> {
    if (closed) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    const working = retried(clock, signal, () => closed, async () => verb(await connection.ready()))
    underWay.add(working)
    try {
      return await orAborted(working, signal)
    } finally {
      void working.catch(() => {}).finally(() => underWay.delete(working))
    }
  }

  return {
    capabilities,
    append: async (batch, signal) => {
      if (batch.length === 0) return call(signal, async () => [])
      // Encoded once, at once: a caller may reuse its buffers, and a repeat after a lost answer is the same call.
      const { query, outcomes: read } = appendCall(schema, batch, prepare)
      const outcomes = await call(signal, async (client) => {
        const { rows } = await client.query({ ...query, rowMode: 'array', types: asText })
        return read(rows[0] as Row)
      })
      if (outcomes.some((outcome) => outcome.status === 'done')) wake.notify()
      return outcomes
    },
    read: (query, signal) => call(signal, (client) => reads.read(client, query)),
    head: (signal) => call(signal, (client) => reads.head(client)),
    streams: (query, signal) => call(signal, (client) => reads.streams(client, query)),
    wake: wake.listen,
    shelf: createShelf(schema, call),
    close: async () => {
      if (closed) return
      closed = true
      await Promise.allSettled(underWay)
      await wake.close()
      await connection.close()
    },
  }
}

/** A call that is given up goes on in the database, where its own timeout ends it. */
function orAborted<Result>(working: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return working
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    working.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

interface Connection {
  /** The pool, as soon as the driver is there. */
  readonly open: () => Promise<PostgresPool>
  /** The pool, once the schema is known to be as this code needs it. */
  readonly ready: () => Promise<PostgresPool>
  /** False when the pool is too small to give one connection away for good. */
  readonly canListen: boolean
  readonly close: () => Promise<void>
}

function createConnection({ source, schema, migrate }: EngineParts): Connection {
  let pool: Promise<PostgresPool> | undefined
  let checked: Promise<PostgresPool> | undefined

  async function openWithListener(): Promise<PostgresPool> {
    const opened = 'pool' in source ? source.pool : await openPool(source.url, source.connectionsMax)
    // An idle connection that breaks is the pool's to replace; without a listener it would end the process.
    opened.on('error', ignore)
    return opened
  }

  function open(): Promise<PostgresPool> {
    pool ??= openWithListener()
    return pool
  }

  async function check(): Promise<PostgresPool> {
    const opened = await open()
    if (migrate === 'up') await migrateUp(opened, schema)
    else refuseOther(await schemaVersion(opened, schema), schema)
    return opened
  }

  return {
    open,
    ready: () => {
      checked ??= check().catch((error: unknown) => {
        // The next call tries again.
        checked = undefined
        throw error
      })
      return checked
    },
    canListen: !('pool' in source) || (source.pool.options?.max ?? 10) >= 2,
    close: async () => {
      const opened = await pool?.catch(() => undefined)
      opened?.off('error', ignore)
      if (!('pool' in source)) await opened?.end()
    },
  }
}

function ignore(): void {}

function refuseOther(version: number, schema: string): void {
  if (version > migrations.length) throw new StoreTooNew(version, migrations.length)
  if (version === migrations.length) return
  throw new EngineFailed(
    'postgres',
    `schema ${JSON.stringify(schema)} is at version ${version}, this code needs ${migrations.length}. Run 'varve migrate --up' as its owner`,
  )
}
