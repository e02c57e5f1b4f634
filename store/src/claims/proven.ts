import { createHash } from 'node:crypto'
import { BlobCorrupt } from '../model/blob-errors.ts'
import type { BlobStore } from './blob-store.ts'

/** What a blob should be; its length where it is known. */
export interface Expected {
  readonly digest: string
  readonly bytes?: number
}

/**
 * The chunks of a blob as they come. The error that tells they were not the right ones comes instead of the end.
 *
 * @throws BLOB_CORRUPT, and what the blob store throws.
 */
export async function* proven(
  blobs: BlobStore,
  { digest, bytes: expected }: Expected,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of blobs.get(digest, signal && { signal })) {
    signal?.throwIfAborted()
    bytes += chunk.byteLength
    if (bytes > (expected ?? bytes))
      throw new BlobCorrupt(digest, blobs.name, `it has more than the ${expected} bytes it should`)
    hash.update(chunk)
    yield chunk
  }
  if (bytes < (expected ?? bytes))
    throw new BlobCorrupt(digest, blobs.name, `it has ${bytes} of the ${expected} bytes it should`)
  if (hash.digest('hex') !== digest) throw new BlobCorrupt(digest, blobs.name, 'its bytes have another digest')
}
