import { EngineFailed, InvalidArgument } from '../../model/errors.ts'
import { layoutOf, type PostgresLayout, type PostgresPart } from './layout.ts'
import { inTransaction, lockingOthersOut, type OwnedStore } from './owned.ts'

/** Detaches every part below a position, which has to be where a part begins, and gives those that this call detached. */
export async function archiveParts(store: OwnedStore, before: number): Promise<readonly PostgresPart[]> {
  checkPosition('before', before)
  const layout = await partsOf(store)
  const head = await headOf(store)
  refuseBorder(layout, before, head)
  const detached = await lockingOthersOut(store, async (client) => {
    const { rows } = await client.query({ text: 'select archive_parts($1) as name', values: [before] })
    return new Set((rows as readonly { readonly name: string }[]).map(({ name }) => name))
  })
  return (await partsOf(store)).parts.filter(({ table }) => detached.has(table))
}

/** Attaches the archived parts from the one with a position on, once each was found complete, and gives them. */
export async function attachParts(store: OwnedStore, from: number): Promise<readonly PostgresPart[]> {
  checkPosition('from', from)
  const { parts } = await partsOf(store)
  const wanted = parts.filter(({ state, lastPosition }) => state !== 'attached' && lastPosition >= from)
  const removed = wanted.find(({ state }) => state === 'removed')
  if (removed !== undefined) throw restoreFirst(store.schema, removed)
  for (const { table } of wanted) {
    store.signal?.throwIfAborted()
    await inTransaction(store, (client) => client.query({ text: 'select prove_part($1)', values: [table] }))
  }
  const attached = await lockingOthersOut(store, async (client) => {
    const { rows } = await client.query({ text: 'select attach_parts($1) as name', values: [from] })
    return new Set((rows as readonly { readonly name: string }[]).map(({ name }) => name))
  })
  return (await partsOf(store)).parts.filter(({ table }) => attached.has(table))
}

async function partsOf({ pool, schema }: OwnedStore): Promise<PostgresLayout> {
  const layout = await layoutOf(pool, schema)
  if (layout.state === 'parts') return layout
  throw new EngineFailed(
    'postgres',
    "the events of this store lie in one table, and only parts can be archived. Make parts: 'varve migrate --up --partition-events <n>'",
  )
}

async function headOf(store: OwnedStore): Promise<number> {
  return inTransaction(store, async (client) => {
    const { rows } = await client.query({ text: 'select position from log_head' })
    return Number((rows[0] as { readonly position: string }).position)
  })
}

function checkPosition(argument: string, position: number): void {
  if (!Number.isSafeInteger(position) || position < 1) {
    throw new InvalidArgument(argument, 'is not a position, which is a whole number from 1 on')
  }
}

/** Only whole parts go, and only once they are full. */
function refuseBorder({ parts }: PostgresLayout, before: number, head: number): void {
  const part = parts.find(({ firstPosition, lastPosition }) => firstPosition <= before && before <= lastPosition)
  const full = parts.filter(({ lastPosition }) => lastPosition <= head).at(-1)
  if (full === undefined)
    throw new InvalidArgument('before', `is ${before}, and no part is full yet: the head is at ${head}`)
  const highest = full.lastPosition + 1
  if (before > highest) {
    throw new InvalidArgument(
      'before',
      `is ${before}, and the part before it is not full yet. Give ${highest} at the most`,
    )
  }
  if (part === undefined || part.firstPosition === before) return
  const { firstPosition, lastPosition } = part
  throw new InvalidArgument(
    'before',
    `is ${before}, inside of the part of positions ${firstPosition} to ${lastPosition}, and only whole parts are archived. ` +
      `Give ${firstPosition}${lastPosition < head ? ` or ${lastPosition + 1}` : ''}`,
  )
}

function restoreFirst(schema: string, { table, firstPosition, lastPosition }: PostgresPart): EngineFailed {
  return new EngineFailed(
    'postgres',
    `the table of positions ${firstPosition} to ${lastPosition}, ${schema}.${table}, is not there. Restore it from where it was ` +
      'kept, with pg_restore, and run this again',
  )
}
