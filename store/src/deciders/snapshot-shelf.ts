import { createHash } from 'node:crypto'
import type { StoreShelf } from '../model/shelf.ts'
import type { Snapshot, SnapshotPlace } from '../model/snapshot.ts'

/** By shelf, so that calls which name no place of their own share one. */
const places = new WeakMap<StoreShelf, SnapshotPlace>()

/**
 * Snapshots on a store's shelf, under `snapshot/{stream}/{name}`. At most `limits.shelfValueBytes` each; what is larger
 * belongs in files or a place of yours.
 *
 * @example
 * await shelfSnapshots(store.shelf).remove('Cart-7')
 */
export function shelfSnapshots(shelf: StoreShelf): SnapshotPlace {
  const known = places.get(shelf)
  if (known !== undefined) return known
  const place: SnapshotPlace = {
    load: async ({ streamId, name }, options) =>
      (await shelf.get(keyOf(streamId, name), options))?.value as Snapshot | undefined,
    save: async ({ streamId, name }, snapshot, options) => {
      await shelf.put(keyOf(streamId, name), snapshot, options)
    },
    remove: async (streamId, options) => {
      for await (const { key } of shelf.list({ prefix: keyOf(streamId, ''), ...options })) {
        await shelf.delete(key, options)
      }
    },
  }
  places.set(shelf, place)
  return place
}

const prefix = 'snapshot/'

/** Whether what lies under a key of a shelf is a snapshot. */
export function isSnapshotKey(key: unknown): boolean {
  return typeof key === 'string' && key.startsWith(prefix)
}

function keyOf(streamId: string, name: string): string {
  return `${prefix}${part(streamId)}/${encodeURIComponent(name)}`
}

/** A stream id may be longer than a key, and may have a slash in it. */
function part(streamId: string): string {
  const encoded = encodeURIComponent(streamId)
  return encoded.length <= 128 ? encoded : `sha256=${createHash('sha256').update(streamId).digest('hex')}`
}
