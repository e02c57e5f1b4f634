import { EngineFailed, InvalidArgument } from '../../model/errors.ts'
import type { PostgresClient } from './driver.ts'
import { stateOf } from './errors.ts'
import { layoutOf, type PostgresLayout } from './layout.ts'
import { inTransaction, lockingOthersOut, type OwnedStore } from './owned.ts'

/**
 * Puts the events of a store into parts (migrations/0006-parts.ts), while the store is in use:
 *
 *   one table > begun > copied up to 10,000, 20,000, … > nearly all copied > locked: the rest copied, the tables changed > parts
 *
 * Each arrow is a transaction. Whoever is interrupted calls again and goes on where the counter is; several callers at
 * once take turns at the row of the counter.
 */

/** Events of one transaction: about a second of work, and how many may be left for the last one, which others wait for. */
const chunkEvents = 10_000

/** Parts that an owner's command makes ahead of the one in use; an append makes one. */
const partsAhead = 2

/** Smaller parts than this help nobody: each costs an append some milliseconds, and each statement a lock. */
const positionsMin = 10

/** What may be said about a conversion while it goes on. */
export interface PostgresPartitioning {
  /** Called after each step: events copied, and how many there are. */
  readonly onProgress?: (copied: number, events: number) => void
  /** Ends it between two steps; a later call goes on from there. */
  readonly signal?: AbortSignal
}

/** Puts events into parts of so many positions each; where they are that already, nothing happens. */
export async function partitionEvents(
  store: OwnedStore,
  positionsPerPart: number,
  onProgress: (copied: number, events: number) => void,
): Promise<void> {
  if (!Number.isSafeInteger(positionsPerPart) || positionsPerPart < positionsMin) {
    throw new InvalidArgument('positionsPerPart', `is not a whole number from ${positionsMin} on`)
  }
  if ((await begin(store, positionsPerPart)).state === 'parts') return
  for (;;) {
    store.signal?.throwIfAborted()
    const { copied, head } = await inTransaction(store, copyChunk)
    onProgress(copied, head)
    if (head - copied > chunkEvents) continue
    const done = await lockingOthersOut(store, switchToParts).catch((error: unknown) => {
      throw stateOf(error) === '2BP01' ? neededByOthers(error) : error
    })
    if (!done) continue
    onProgress(head, head)
    return
  }
}

/** Makes parts ahead of the one in use, as an owner's command does. A role that may not leaves it to appends. */
export async function makePartsAhead(store: Pick<OwnedStore, 'pool' | 'schema'>): Promise<void> {
  await inTransaction(store, async (client) => {
    const may = "select has_function_privilege('make_parts(bigint, int)', 'execute') as may"
    const { rows } = await client.query({ text: may })
    if (!(rows[0] as { readonly may: boolean }).may) return
    if ((await layoutOf(client, store.schema)).state !== 'parts') return
    await client.query({ text: 'select position from log_head for update' })
    await client.query({ text: 'select make_parts(position, $1) from log_head', values: [partsAhead] })
  })
}

async function begin(store: OwnedStore, positionsPerPart: number): Promise<PostgresLayout> {
  return inTransaction(store, async (client) => {
    await client.query({
      text: "select pg_advisory_xact_lock(hashtextextended('varve_parts_' || current_schema(), 0))",
    })
    const layout = await layoutOf(client, store.schema)
    const { positionsPerPart: found = positionsPerPart } = layout
    if (found !== positionsPerPart) throw otherSize(found)
    if (layout.state === 'one_table') {
      await client.query({ text: 'select begin_partitioning($1)', values: [positionsPerPart] })
    }
    return layout
  })
}

async function copyChunk(client: PostgresClient): Promise<{ readonly copied: number; readonly head: number }> {
  const { rows } = await client.query({ text: 'select copied, head from copy_into_parts($1)', values: [chunkEvents] })
  const { copied, head } = rows[0] as { readonly copied: string | null; readonly head: string | null }
  return { copied: Number(copied), head: Number(head) }
}

async function switchToParts(client: PostgresClient): Promise<boolean> {
  const { rows } = await client.query({ text: 'select switch_to_parts($1) as done', values: [chunkEvents] })
  return (rows[0] as { readonly done: boolean }).done
}

function otherSize(found: number): InvalidArgument {
  return new InvalidArgument(
    'positionsPerPart',
    `is ${found} in this store, and cannot be changed any more: give ${found}`,
  )
}

function neededByOthers(cause: unknown): EngineFailed {
  const { detail = '' } = cause as { readonly detail?: string }
  return new EngineFailed(
    'postgres',
    `the table of events has to make way, and objects that are not Varve's are built on it: ${detail}. ` +
      'Drop them, run this again, which goes on where it was, and make them anew',
    { cause },
  )
}
