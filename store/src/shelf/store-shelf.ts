import type { Shelf, ShelfEntry } from '../engine/engine.ts'
import { callFields } from '../model/call-fields.ts'
import { InvalidArgument, LimitExceeded, StoreCorrupt } from '../model/errors.ts'
import { fieldsOf, type KnownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { payloadBytes, toText } from '../model/payload.ts'
import type { ShelfItem, ShelfListOptions, ShelfWriteOptions, StoreShelf } from '../model/shelf.ts'
import { ShelfConflict } from '../model/shelf-errors.ts'
import { checkWhole } from '../model/whole-number.ts'
import { encodeJson } from '../schema/codec.ts'
import { checkedLimit, reader } from '../streams/reader.ts'

/** Keeps what callers put on an engine's shelf apart from what the store keeps there itself. */
const prefixOfValues = 'value/'

/** Fields of the options of `StoreShelf.put` and `StoreShelf.delete`. */
export const shelfWriteFields: KnownFields = fieldsOf<ShelfWriteOptions>({ expectedVersion: true, signal: true })

const shelfListFields = fieldsOf<ShelfListOptions>({ prefix: true, after: true, limit: true, signal: true })

/** The values of callers on the shelf of an engine. */
export function storeShelf(shelf: Shelf): StoreShelf {
  return {
    get: async (key, options = {}) => {
      refuseUnknownOptions(options, callFields, 'get')
      const entry = await shelf.get(engineKey(key), options.signal)
      return entry && itemFrom(entry)
    },
    put: async (key, value, options = {}) => {
      refuseUnknownOptions(options, shelfWriteFields, 'put')
      const { expectedVersion, signal } = options
      const text = shelfText(value)
      checkExpected(expectedVersion)
      const version = await shelf.put(engineKey(key), text, { expectedVersion }, signal)
      if (version === 'conflict') throw new ShelfConflict(key, expectedVersion ?? 0)
      return version
    },
    delete: async (key, options = {}) => {
      refuseUnknownOptions(options, shelfWriteFields, 'delete')
      const { expectedVersion, signal } = options
      checkExpected(expectedVersion)
      const outcome = await shelf.delete(engineKey(key), { expectedVersion }, signal)
      if (outcome === 'conflict') throw new ShelfConflict(key, expectedVersion ?? 0)
    },
    list: (options) =>
      listItems(options, async (query) => (await shelf.list(inEngine(query), query.signal)).map(itemFrom)),
  }
}

/** A page of a listing, with every option present. */
export interface ShelfPageQuery {
  readonly prefix: string
  readonly after: string
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

/** Lists entries page by page; a page shorter than asked for is the last one. */
export function listItems(
  options: ShelfListOptions = {},
  readPage: (query: ShelfPageQuery) => Promise<readonly ShelfItem[]>,
): ReturnType<StoreShelf['list']> {
  refuseUnknownOptions(options, shelfListFields, 'list')
  const { prefix = '', after = '', signal } = options
  for (const [argument, given] of Object.entries({ prefix, after })) {
    if (typeof given !== 'string' || !given.isWellFormed()) {
      throw new InvalidArgument(argument, 'is not a string of whole characters')
    }
  }

  async function* items(limit: number): AsyncGenerator<ShelfItem> {
    let cursor = after
    for (let left = limit; left > 0; ) {
      const asked = Math.min(left, limits.shelfPageEntries)
      const page = await readPage({ prefix, after: cursor, limit: asked, signal })
      yield* page
      left -= page.length
      cursor = page.at(-1)?.key ?? cursor
      if (page.length < asked) return
    }
  }
  return reader(items, checkedLimit(options.limit))
}

/**
 * JSON text of a value for the shelf.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function shelfText(value: unknown): string {
  const text = encodeJson(value, 'value')
  const bytes = payloadBytes(text)
  if (bytes > limits.shelfValueBytes) throw new LimitExceeded('shelfValueBytes', bytes)
  return text
}

/** Refuses what is no key of the shelf. */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '' || !key.isWellFormed()) {
    throw new InvalidArgument('key', 'is not a non-empty string of whole characters')
  }
  const chars = prefixOfValues.length + key.length
  if (chars > limits.shelfKeyChars) throw new LimitExceeded('shelfKeyChars', chars)
}

/** Refuses what is no version to expect. */
export function checkExpected(expectedVersion: unknown): void {
  if (expectedVersion !== undefined) checkWhole('expectedVersion', expectedVersion, 0)
}

function engineKey(key: string): string {
  checkKey(key)
  return prefixOfValues + key
}

function inEngine({ prefix, after, limit }: ShelfPageQuery): { prefix: string; after: string; limit: number } {
  return { prefix: prefixOfValues + prefix, after: after === '' ? '' : prefixOfValues + after, limit }
}

function itemFrom({ key, value, version }: ShelfEntry): ShelfItem {
  try {
    return { key: key.slice(prefixOfValues.length), value: JSON.parse(toText(value)), version }
  } catch (cause) {
    throw new StoreCorrupt(`the entry ${JSON.stringify(key)} of the shelf is no JSON`, { cause })
  }
}
