import type { CallOptions, Reader } from './call.ts'

/**
 * Versioned JSON values kept in the store, beside its log. Each write is atomic and as durable as an append. Nothing here
 * is history: what is overwritten or removed is gone.
 */
export interface StoreShelf {
  /**
   * The entry under a key, or undefined.
   *
   * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED when the key is empty or too long.
   */
  get(key: string, options?: CallOptions): Promise<ShelfItem | undefined>
  /**
   * Stores a value that has a JSON form.
   *
   * @returns the entry's new version: 1 for a new entry, then rising by one.
   * @throws SHELF_CONFLICT when the entry is not at `expectedVersion`; LIMIT_EXCEEDED above `limits.shelfValueBytes`.
   * @example
   * const version = await store.shelf.put('invoice-number', { next: 1 }, { expectedVersion: 0 })
   * await store.shelf.put('invoice-number', { next: 2 }, { expectedVersion: version })
   */
  put(key: string, value: unknown, options?: ShelfWriteOptions): Promise<number>
  /**
   * Removes an entry; one that is not there is no error. A key that is used again begins at version 1.
   *
   * @throws SHELF_CONFLICT when the entry is not at `expectedVersion`. Over HTTP also when the answer to a removal that
   *   succeeded was lost.
   */
  delete(key: string, options?: ShelfWriteOptions): Promise<void>
  /** Entries ordered by the UTF-8 bytes of their keys. */
  list(options?: ShelfListOptions): Reader<ShelfItem>
}

/** An entry of a store's shelf. */
export interface ShelfItem {
  readonly key: string
  /** As parsed from JSON. */
  readonly value: unknown
  readonly version: number
}

/** Options of {@link StoreShelf.put} and {@link StoreShelf.delete}. */
export interface ShelfWriteOptions extends CallOptions {
  /** The version the entry must have, 0 for absent. Default: whatever it is. */
  readonly expectedVersion?: number | undefined
}

/** Options of {@link StoreShelf.list}. */
export interface ShelfListOptions extends CallOptions {
  /** Keys that begin with this. Default: all. */
  readonly prefix?: string | undefined
  /** Keys after this one, for paging. Default: from the first. */
  readonly after?: string | undefined
  readonly limit?: number | undefined
}
