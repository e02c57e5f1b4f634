import { join } from 'node:path'
import { type BlobStore, type EventStore, fileBlobs, openStore } from 'varve'
import { sqlite } from 'varve/sqlite'

/** The store whose events name the blobs. */
export function openContracts(folder: string): EventStore {
  return openStore({ engine: sqlite({ path: join(folder, 'store.db') }) })
}

/** The blob store they are in. */
export function blobsIn(folder: string): BlobStore {
  return fileBlobs({ directory: join(folder, 'blobs') })
}

/** The scan of one contract: other bytes for each, of very different lengths. */
export function contractBytes(number: number): Uint8Array {
  return new Uint8Array(Buffer.alloc(1 + ((number * 7_919) % 300_000), `contract ${number} `))
}
