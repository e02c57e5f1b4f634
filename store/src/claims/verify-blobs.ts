import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { isVarveError } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import type { BlobStore } from './blob-store.ts'
import { Census } from './census.ts'
import { digestsNamedBy } from './mentions.ts'
import { type Expected, proven } from './proven.ts'

/** What {@link verifyBlobs} found out. */
export type BlobFinding =
  /** A blob was read from end to end. */
  | { readonly kind: 'blob'; readonly digest: string; readonly bytes: number; readonly state: 'sound' | 'corrupt' }
  /** An event names a blob that cannot be redeemed. */
  | {
      readonly kind: 'event'
      readonly digest: string
      readonly state: 'missing' | 'corrupt'
      readonly eventId: string
      readonly streamId: string
      readonly position: number
    }

/**
 * Reads every blob and then every event: first a finding for each blob, then one for each event that names a blob which is
 * missing or damaged. None of the second kind: every claim in the logs can be redeemed. Changes nothing.
 *
 * @throws what reading the logs and the blob store throw, except BLOB_MISSING and BLOB_CORRUPT.
 * @example
 * for await (const finding of verifyBlobs(fileBlobs({ directory: 'blobs' }), [store])) {
 *   if (finding.state !== 'sound') console.log(finding)
 * }
 */
export async function* verifyBlobs(
  blobs: BlobStore,
  stores: readonly EventStore[],
  options: CallOptions = {},
): AsyncGenerator<BlobFinding> {
  refuseUnknownOptions(options, callFields, 'verifyBlobs')
  const { signal } = options
  const sound = new Census()
  for await (const { digest, bytes } of blobs.list(signal && { signal })) {
    const state = await stateOf(blobs, { digest, bytes }, signal)
    // It was there a moment ago: set aside and removed meanwhile, or an event will miss it below.
    if (state === 'missing') continue
    if (state === 'sound') sound.add(digest)
    yield { kind: 'blob', digest, bytes, state }
  }
  for (const store of stores) {
    for await (const event of store.readAll(signal && { signal })) {
      for (const digest of digestsNamedBy(event)) {
        if (sound.has(digest)) continue
        // Stored since the listing, perhaps.
        const state = await stateOf(blobs, { digest }, signal)
        const { id: eventId, streamId, position } = event
        if (state !== 'sound') yield { kind: 'event', digest, state, eventId, streamId, position }
      }
    }
  }
}

async function stateOf(
  blobs: BlobStore,
  blob: Expected,
  signal: AbortSignal | undefined,
): Promise<'sound' | 'missing' | 'corrupt'> {
  try {
    for await (const _ of proven(blobs, blob, signal)) signal?.throwIfAborted()
    return 'sound'
  } catch (error) {
    if (isVarveError(error, 'BLOB_MISSING')) return 'missing'
    if (isVarveError(error, 'BLOB_CORRUPT')) return 'corrupt'
    throw error
  }
}
