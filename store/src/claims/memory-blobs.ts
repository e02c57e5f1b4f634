import { createHash } from 'node:crypto'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { BlobMissing } from '../model/blob-errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { BlobEntry, BlobStore } from './blob-store.ts'
import { checkDigest } from './digest.ts'

const optionFields = fieldsOf<MemoryBlobsOptions>({ clock: true })

/** Options of {@link memoryBlobs}. */
export interface MemoryBlobsOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

interface Kept {
  readonly bytes: Uint8Array
  readonly sinceMs: number
}

/** A blob store that is gone with the process: for tests, and the reference that the others are compared with. */
export function memoryBlobs(options: MemoryBlobsOptions = {}): BlobStore {
  refuseUnknownOptions(options, optionFields, 'memoryBlobs')
  const { clock = systemClock } = options
  const name = 'memory'
  const current = new Map<string, Kept>()
  const aside = new Map<string, Kept>()
  const move = (digest: string, from: Map<string, Kept>, to: Map<string, Kept>): void => {
    checkDigest(digest)
    const kept = from.get(digest)
    if (kept === undefined) return
    to.set(digest, { bytes: kept.bytes, sinceMs: clock.now() })
    from.delete(digest)
  }
  return {
    name,
    put: async (content) => {
      const chunks: Uint8Array[] = []
      // A source may fill one buffer again and again.
      for await (const chunk of content) chunks.push(new Uint8Array(chunk))
      const bytes = new Uint8Array(Buffer.concat(chunks))
      const digest = createHash('sha256').update(bytes).digest('hex')
      current.set(digest, { bytes, sinceMs: clock.now() })
      return { digest, bytes: bytes.byteLength }
    },
    get: async function* (digest) {
      checkDigest(digest)
      const kept = current.get(digest) ?? aside.get(digest)
      if (kept === undefined) throw new BlobMissing(digest, name)
      yield new Uint8Array(kept.bytes)
    },
    list: async function* () {
      yield* entries(aside, true)
      yield* entries(current, false)
    },
    setAside: async (digest) => move(digest, current, aside),
    restore: async (digest) => move(digest, aside, current),
    remove: async (digest) => {
      checkDigest(digest)
      aside.delete(digest)
    },
    removeUnfinished: async () => 0,
  }
}

function entries(blobs: ReadonlyMap<string, Kept>, isSetAside: boolean): readonly BlobEntry[] {
  return [...blobs].map(([digest, { bytes, sinceMs }]) => ({ digest, bytes: bytes.byteLength, sinceMs, isSetAside }))
}
