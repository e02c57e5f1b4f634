import { quoted, VarveError } from './varve-error.ts'

/** The errors of blob stores. */
export type AnyBlobError = BlobMissing | BlobCorrupt | BlobsFailed | BlobsUnavailable | NoBlobNamed

/** The blob that a claim stands for is not in the blob store. */
export class BlobMissing extends VarveError {
  readonly code = 'BLOB_MISSING'
  /** SHA-256 of the bytes, 64 hexadecimal digits. */
  readonly digest: string
  readonly blobs: string

  constructor(digest: string, blobs: string) {
    super(
      `There is no blob ${digest} in ${blobs}. ` +
        'Check that this is the blob store the claim was made with, and bring the blob back from a backup of it.',
    )
    this.digest = digest
    this.blobs = blobs
  }
}

/** The bytes under a blob's digest are not the ones that were stored; what was read of them is not to be used. */
export class BlobCorrupt extends VarveError {
  readonly code = 'BLOB_CORRUPT'
  /** SHA-256 that the bytes should have, 64 hexadecimal digits. */
  readonly digest: string
  readonly blobs: string

  constructor(digest: string, blobs: string, problem: string, options?: ErrorOptions) {
    super(
      `Blob ${digest} in ${blobs} is damaged: ${problem}. ` +
        'Bring it back from a backup, or check the same bytes in again, which replaces it.',
      options,
    )
    this.digest = digest
    this.blobs = blobs
  }
}

/** The blob store refused or broke in a way that a retry does not mend: a full disk, a missing right, no such bucket. */
export class BlobsFailed extends VarveError {
  readonly code = 'BLOBS_FAILED'
  readonly blobs: string

  constructor(blobs: string, problem: string, options?: ErrorOptions) {
    super(`The blob store ${blobs} failed: ${problem}`, options)
    this.blobs = blobs
  }
}

/** The blob store cannot answer now: out of reach, too slow, asking for less. Every call to it may be repeated safely. */
export class BlobsUnavailable extends VarveError {
  readonly code = 'BLOBS_UNAVAILABLE'
  override readonly retryable = true
  readonly blobs: string

  constructor(blobs: string, problem: string, options?: ErrorOptions) {
    super(`The blob store ${blobs} is not available: ${problem}. Repeat the call; a blob is stored once.`, options)
    this.blobs = blobs
  }
}

/** No event names any blob, so that a collection would take every blob for an orphan; nothing was changed. */
export class NoBlobNamed extends VarveError {
  readonly code = 'NO_BLOB_NAMED'
  readonly blobs: string
  /** Events that were read. */
  readonly events: number

  constructor(blobs: string, events: number, orphan: string) {
    super(
      `None of the ${events} events read names a blob, so all of ${blobs} would be taken for orphans, for example ${quoted(orphan)}. ` +
        'Nothing was changed. Check that these are the stores whose events hold the claims.',
    )
    this.blobs = blobs
    this.events = events
  }
}
