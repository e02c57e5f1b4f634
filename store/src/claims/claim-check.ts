import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { type Claim, digestOf } from '../model/claim.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { binaryContentType } from '../model/payload.ts'
import type { BlobStore } from './blob-store.ts'
import { type Content, checkedContent } from './content.ts'
import { proven } from './proven.ts'

const checkFields = fieldsOf<CheckOptions>({ contentType: true, signal: true })

/** Large bytes in, small claims out, and back again. Made by {@link claimCheck}. */
export interface ClaimCheck {
  /**
   * Stores bytes and gives the claim to put into an event. When the promise resolves they are durable, so an event that is
   * appended afterwards never names bytes that are not there. Equal bytes are stored once, and checking them in again is
   * safe. Append the event within the grace period of the collection, seven days unless you chose another.
   *
   * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED above `limits.blobBytes`, BLOBS_UNAVAILABLE, BLOBS_FAILED; no event can name
   *   what was not stored.
   * @example
   * const claims = claimCheck(fileBlobs({ directory: 'blobs' }))
   * const scan = await claims.check(new Uint8Array(2_000_000), { contentType: 'application/pdf' })
   * await store.append('Contract-7', [{ type: 'ContractSigned', data: { by: 'ada', scan } }])
   */
  check(content: Content, options?: CheckOptions): Promise<Claim>
  /**
   * The bytes a claim stands for, whole and proven to be the ones that were checked in.
   *
   * @throws BLOB_MISSING, BLOB_CORRUPT, BLOBS_UNAVAILABLE, BLOBS_FAILED; INVALID_ARGUMENT when the value is no claim;
   *   LIMIT_EXCEEDED above `limits.redeemBytes`.
   */
  redeem(claim: Claim, options?: CallOptions): Promise<Uint8Array>
  /**
   * The same in chunks, in the memory of one chunk. The bytes are proven when the iteration ends without an error, not
   * before: act on them only then. Each use reads anew.
   *
   * @throws the errors of {@link ClaimCheck.redeem} from the iteration, except LIMIT_EXCEEDED.
   */
  stream(claim: Claim, options?: CallOptions): AsyncIterable<Uint8Array>
}

/** Options of {@link ClaimCheck.check}. */
export interface CheckOptions extends CallOptions {
  /** What the bytes are. Default `application/octet-stream`. */
  readonly contentType?: string | undefined
}

/**
 * Keeps bytes that are too large for an event in a blob store. A claim is a value like any other: a field of any payload,
 * typed as {@link Claim}, read without touching the blob.
 *
 * @throws INVALID_ARGUMENT when it is given no blob store.
 * @example
 * const claims = claimCheck(memoryBlobs())
 * const claim = await claims.check(new TextEncoder().encode('a long text'), { contentType: 'text/plain' })
 * const bytes = await claims.redeem(claim)
 */
export function claimCheck(blobs: BlobStore): ClaimCheck {
  if (typeof blobs?.put !== 'function') {
    throw new InvalidArgument('blobs', 'is no blob store, such as fileBlobs({ directory })')
  }
  return {
    check: async (content, options = {}) => {
      refuseUnknownOptions(options, checkFields, 'check')
      const { contentType = binaryContentType, signal } = options
      refuseContentType(contentType)
      signal?.throwIfAborted()
      const { digest, bytes } = await blobs.put(checkedContent(content, signal), signal && { signal })
      return { claim: `sha256:${digest}`, bytes, contentType }
    },
    redeem: async (claim, options = {}) => {
      refuseUnknownOptions(options, callFields, 'redeem')
      const { signal } = options
      const digest = digestOf(claim)
      if (claim.bytes > limits.redeemBytes) {
        throw new LimitExceeded('redeemBytes', claim.bytes, 'Read it in chunks with stream().')
      }
      const whole = new Uint8Array(claim.bytes)
      let filled = 0
      for await (const chunk of proven(blobs, { digest, bytes: claim.bytes }, signal)) {
        whole.set(chunk, filled)
        filled += chunk.byteLength
      }
      return whole
    },
    stream: (claim, options = {}) => {
      refuseUnknownOptions(options, callFields, 'stream')
      const { signal } = options
      const digest = digestOf(claim)
      return { [Symbol.asyncIterator]: () => proven(blobs, { digest, bytes: claim.bytes }, signal) }
    },
  }
}

function refuseContentType(contentType: unknown): asserts contentType is string {
  if (typeof contentType !== 'string' || contentType === '') {
    throw new InvalidArgument('contentType', 'is not a non-empty string')
  }
  if (contentType.length > limits.contentTypeChars) {
    throw new LimitExceeded('contentTypeChars', contentType.length, 'Give a shorter one.')
  }
}
