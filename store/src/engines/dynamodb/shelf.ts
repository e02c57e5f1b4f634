import type { Shelf, ShelfEntry } from '../../engine/engine.ts'
import { EngineUnavailable, StoreCorrupt } from '../../model/errors.ts'
import { type Payload, toBytes, toText } from '../../model/payload.ts'
import type { Attributes, Item } from './driver.ts'
import { shelfPartition, valueKey } from './keys.ts'
import { namedItems, namedKey } from './names-index.ts'
import { pack, unpack } from './pack.ts'
import type { Calls } from './requests.ts'
import { absent, type Table } from './table.ts'
import type { ConditionalWrite } from './transaction.ts'

/** Bytes of a value that lie in its item; larger ones lie in parts that were written before. */
const itemBytes = 350_000

/** Writers that an unconditional write gives way to before it gives up. */
const attemptsMax = 100

/** What the shelf needs. */
export interface ShelfParts {
  readonly calls: Calls
  readonly open: () => Promise<Table>
  readonly newWriteId: () => string
}

/** The shelf: one item for each entry. Each write names itself, so that one whose answer was lost is found to be done. */
export function createShelf({ calls, open, newWriteId }: ShelfParts): Shelf {
  return {
    get: (key, signal) => calls.call(signal, async () => get(await open(), key)),
    put: (key, value, { expectedVersion }, signal) =>
      calls.call(signal, async () => put(await open(), newWriteId(), { key, value, expectedVersion })),
    delete: (key, { expectedVersion }, signal) =>
      calls.call(signal, async () => remove(await open(), key, expectedVersion)),
    list: ({ prefix, after, limit }, signal) =>
      calls.call(signal, async () => {
        const table = await open()
        const entries: ShelfEntry[] = []
        if (limit < 1) return entries
        const read = { pk: shelfPartition, attribute: 'key', prefix, after, pageItems: Math.min(limit, 32) }
        for await (const item of namedItems(table, read)) {
          const entry = (await entryIn(table, item)) ?? (await get(table, item.attributes.key?.S ?? ''))
          if (entry !== undefined) entries.push(entry)
          if (entries.length === limit) break
        }
        return entries
      }),
  }
}

async function get(table: Table, key: string): Promise<ShelfEntry | undefined> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const item = await table.get(namedKey(shelfPartition, key))
    if (item === undefined) return undefined
    const entry = await entryIn(table, item)
    if (entry !== undefined) return entry
  }
  throw new StoreCorrupt(`parts of the entry ${JSON.stringify(key)} of the shelf are missing`)
}

/** Undefined when the parts of the value are gone, since somebody wrote the entry again. */
async function entryIn(table: Table, item: Item): Promise<ShelfEntry | undefined> {
  const { key, version, text, value, parts, write } = item.attributes
  const where = `the entry ${JSON.stringify(key?.S)} of the shelf`
  let stored = value?.B
  if (stored === undefined) {
    const keys = Array.from({ length: Number(parts?.N) }, (_, part) => valueKey(write?.S ?? '', part))
    const found = new Map((await table.getMany(keys)).map(({ sk, attributes }) => [sk, attributes.value?.B]))
    const bytes = keys.flatMap(({ sk }) => found.get(sk) ?? [])
    if (bytes.length < keys.length) return undefined
    stored = Buffer.concat(bytes)
  }
  const bytes = await unpack(stored, where)
  return {
    key: key?.S ?? '',
    version: Number(version?.N),
    value: text === undefined ? new Uint8Array(bytes) : toText(bytes),
  }
}

interface Put {
  readonly key: string
  readonly value: Payload
  readonly expectedVersion: number | undefined
}

async function put(table: Table, write: string, { key, value, expectedVersion }: Put): Promise<number | 'conflict'> {
  const place = namedKey(shelfPartition, key)
  // Looked at first: a refusal after a lost answer would not tell whether this write had landed and others came after it.
  let known = await table.get(place)
  if (expectedVersion !== undefined && versionOf(known) !== expectedVersion) return 'conflict'
  const stored = await pack(toBytes(value))
  const parts = stored.byteLength <= itemBytes ? [] : partsOf(write, stored)
  await table.putMany(parts)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = expectedVersion ?? versionOf(known)
    const attributes: Attributes = {
      key: { S: key },
      version: { N: String(before + 1) },
      write: { S: write },
      ...(typeof value === 'string' && { text: { N: '1' } }),
      ...(parts.length === 0 ? { value: { B: stored } } : { parts: { N: String(parts.length) } }),
    }
    const written = await table.put({ ...place, attributes }, atVersion(before))
    if (written.done) await removeParts(table, written.replaced)
    if (written.done || written.met?.attributes.write?.S === write) return before + 1
    if (expectedVersion !== undefined) {
      // A first try whose answer was lost may have landed, and others have come after it.
      if (written.mayHaveLanded && versionOf(written.met) > before + 1) throw unknownFate(key)
      await table.removeMany(parts)
      return 'conflict'
    }
    known = written.met
  }
  throw new EngineUnavailable(
    'dynamodb',
    `other writers of the entry ${JSON.stringify(key)} came first ${attemptsMax} times`,
  )
}

async function remove(table: Table, key: string, expectedVersion: number | undefined): Promise<'deleted' | 'conflict'> {
  const place = namedKey(shelfPartition, key)
  // Looked at first: an entry that is gone afterwards, though an answer was lost, was there at this version before.
  if (expectedVersion !== undefined) {
    if (versionOf(await table.get(place)) !== expectedVersion) return 'conflict'
    if (expectedVersion === 0) return 'deleted'
  }
  const written = await table.remove(place, expectedVersion === undefined ? {} : atVersion(expectedVersion))
  if (written.done) {
    await removeParts(table, written.replaced)
    return 'deleted'
  }
  if (!written.mayHaveLanded) return 'conflict'
  if (written.met === undefined) return 'deleted'
  throw unknownFate(key)
}

function unknownFate(key: string): EngineUnavailable {
  const name = JSON.stringify(key)
  return new EngineUnavailable('dynamodb', `an answer was lost, and others have written the entry ${name} since`)
}

/** What an entry that was replaced has left behind; who was reading it reads it again. */
async function removeParts(table: Table, replaced: Item | undefined): Promise<void> {
  const { parts, write } = replaced?.attributes ?? {}
  if (parts === undefined) return
  await table.removeMany(Array.from({ length: Number(parts.N) }, (_, part) => valueKey(write?.S ?? '', part)))
}

function atVersion(version: number): ConditionalWrite {
  return version === 0 ? absent : { condition: 'version = :before', values: { ':before': { N: String(version) } } }
}

function versionOf(item: Item | undefined): number {
  return Number(item?.attributes.version?.N ?? 0)
}

function partsOf(write: string, stored: Uint8Array): readonly Item[] {
  return Array.from({ length: Math.ceil(stored.byteLength / itemBytes) }, (_, part) => ({
    ...valueKey(write, part),
    attributes: { value: { B: stored.subarray(part * itemBytes, (part + 1) * itemBytes) } },
  }))
}
