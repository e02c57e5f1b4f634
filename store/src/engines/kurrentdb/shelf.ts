import type { Shelf, ShelfEntry } from '../../engine/engine.ts'
import { EngineUnavailable } from '../../model/errors.ts'
import type { Payload } from '../../model/payload.ts'
import { toBytes } from '../../model/payload.ts'
import type { NewId } from './commit.ts'
import { type Connection, each, lastOf } from './connection.ts'
import { isOvertaken } from './errors.ts'
import { ownRecord } from './record.ts'
import { compareUtf8, type NameList } from './streams.ts'

/*
 * An entry is the last event of a stream of its own, which keeps no more than that one: `varve:put:<version>` with the value, or
 * `varve:delete`. A write names the revision that it replaces, so that of two one wins. A key is written down, once, before its
 * first entry, so that no entry is ever missing from a listing.
 */

/** What a verb of the shelf needs. */
export interface ShelfParts {
  readonly connection: Connection
  readonly keys: NameList
  readonly newId: NewId
}

/** Attempts of a write that goes over whatever is there. */
const attemptsMax = 200

interface Slot {
  readonly entry: ShelfEntry | undefined
  /** The revision of the last event; undefined when the key was never used. */
  readonly revision: bigint | undefined
}

/** Runs a verb of the engine: not when it is closed, and with its errors translated. */
export type Run = <Result>(
  signal: AbortSignal | undefined,
  verb: (parts: ShelfParts) => Promise<Result>,
) => Promise<Result>

/** The shelf in streams. */
export function kurrentShelf(run: Run): Shelf {
  return {
    get: (key, signal) => run(signal, async ({ connection }) => (await slotOf(connection, key)).entry),
    put: (key, value, { expectedVersion }, signal) => run(signal, (parts) => put(parts, key, value, expectedVersion)),
    delete: (key, { expectedVersion }, signal) => run(signal, (parts) => remove(parts, key, expectedVersion)),
    list: ({ prefix, after, limit }, signal) =>
      run(signal, async ({ connection, keys }) => {
        const known = await keys.names()
        const asked = known.filter((key) => key.startsWith(prefix) && compareUtf8(key, after) > 0)
        const entries: ShelfEntry[] = []
        // Keys whose entries were deleted are still written down.
        for (let at = 0; at < asked.length && entries.length < limit; at += limit) {
          const slots = await each(asked.slice(at, at + limit), (key) => slotOf(connection, key))
          entries.push(...slots.flatMap(({ entry }) => entry ?? []))
        }
        return entries.slice(0, limit)
      }),
  }
}

async function put(
  parts: ShelfParts,
  key: string,
  value: Payload,
  expected: number | undefined,
): Promise<number | 'conflict'> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const slot = await slotOf(parts.connection, key)
    const current = slot.entry?.version ?? 0
    if (expected !== undefined && expected !== current) return 'conflict'
    if (slot.revision === undefined) await writeDown(parts, key)
    if (await replaced(parts, key, slot, `varve:put:${current + 1}`, value)) return current + 1
  }
  throw givenUp()
}

async function remove(parts: ShelfParts, key: string, expected: number | undefined): Promise<'deleted' | 'conflict'> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const slot = await slotOf(parts.connection, key)
    if (expected !== undefined && expected !== (slot.entry?.version ?? 0)) return 'conflict'
    if (slot.entry === undefined) return 'deleted'
    if (await replaced(parts, key, slot, 'varve:delete', '')) return 'deleted'
  }
  throw givenUp()
}

async function slotOf(connection: Connection, key: string): Promise<Slot> {
  const last = await lastOf(connection, connection.names.shelfName(key))
  if (last === undefined || last === 'closed') return { entry: undefined, revision: undefined }
  const [, version] = /^varve:put:(\d+)$/.exec(last.type) ?? []
  const value = last.data instanceof Uint8Array ? new Uint8Array(last.data) : ''
  return {
    entry: version === undefined ? undefined : { key, value, version: Number(version) },
    revision: last.revision,
  }
}

async function writeDown({ connection, newId }: ShelfParts, key: string): Promise<void> {
  const { client, names } = connection
  await client.setStreamMetadata(names.shelfName(key), { maxCount: 1 })
  await client.appendRecords([ownRecord(names.shelfKeysName, newId(), 'key', { key })])
}

/** False when the entry is another one meanwhile, and nothing was written. */
async function replaced(
  { connection, newId }: ShelfParts,
  key: string,
  { revision }: Slot,
  type: string,
  value: Payload,
): Promise<boolean> {
  const { client, names } = connection
  const event = {
    id: newId(),
    type,
    contentType: 'application/octet-stream',
    data: new Uint8Array(toBytes(value)),
    metadata: undefined,
  } as const
  try {
    await client.appendToStream(names.shelfName(key), event, { streamState: revision ?? 'no_stream' })
    return true
  } catch (error) {
    if (!isOvertaken(error)) throw error
    return false
  }
}

function givenUp(): EngineUnavailable {
  return new EngineUnavailable(
    'kurrentdb',
    `others write the same entry of the shelf; given up after ${attemptsMax} attempts`,
  )
}
