import type { CallOptions } from '../model/call.ts'

/**
 * A place for bytes that are too large for an event, each kept under its own digest: a blob. Use it through `claimCheck`,
 * which hashes, checks and bounds; implement it to keep blobs somewhere else (`blobStoreConformance` proves that it holds).
 *
 * No method deletes what a reader may still want: a blob is set aside first, where {@link BlobStore.get} still finds it,
 * and only what was set aside can be removed. So a collection that races with a check-in, or that was pointed at the wrong
 * event store, takes nothing away, and the next one puts back what an event names.
 *
 * Every method rejects with BLOBS_UNAVAILABLE when the same call may succeed later, and with BLOBS_FAILED when it will not.
 * A digest is the SHA-256 of the bytes as 64 hexadecimal digits in lower case; any other text is INVALID_ARGUMENT.
 */
export interface BlobStore {
  /** What it is and where, for messages; without secrets. */
  readonly name: string
  /**
   * Stores bytes of a length not known before, under their digest. When the promise resolves they are durable, and as
   * young as if they had never been stored before. When it rejects, or when `content` throws, nothing is stored.
   * Memory does not grow with the length.
   */
  put(content: AsyncIterable<Uint8Array>, options?: CallOptions): Promise<StoredBlob>
  /**
   * The bytes under a digest, set aside or not. Nothing is read before the first chunk is asked for.
   *
   * @throws BLOB_MISSING from the iteration.
   */
  get(digest: string, options?: CallOptions): AsyncIterable<Uint8Array>
  /**
   * All blobs, page by page: first those that are set aside, so that what the reader sets aside on the way is not listed
   * again. What comes and goes meanwhile may be listed or not.
   */
  list(options?: CallOptions): AsyncIterable<BlobEntry>
  /** Puts a blob where only `get` and `list` find it. Of a blob that is not there: nothing. */
  setAside(digest: string, options?: CallOptions): Promise<void>
  /** Takes back {@link BlobStore.setAside}. Of a blob that is not set aside: nothing. */
  restore(digest: string, options?: CallOptions): Promise<void>
  /** Deletes what is set aside under a digest, for ever; the same blob stored anew stays. */
  remove(digest: string, options?: CallOptions): Promise<void>
  /** Deletes what writers that died before this moment have left unfinished, and tells how much that was. */
  removeUnfinished(beforeMs: number, options?: CallOptions): Promise<number>
}

/** What was stored. */
export interface StoredBlob {
  readonly digest: string
  readonly bytes: number
}

/** A blob as a listing has it. */
export interface BlobEntry {
  readonly digest: string
  readonly bytes: number
  /** When it was stored, last, or set aside: milliseconds since 1970 by the clock of whoever keeps it. */
  readonly sinceMs: number
  readonly isSetAside: boolean
}
