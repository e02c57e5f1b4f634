import type { PartitionEntry } from './projection-shelf.ts'
import type { WatchedTime } from './watched-time.ts'

/** How long a partition has had the owner it has, in milliseconds, which matters when that is nobody, or nobody who lives. */
export type FreeTimes = (key: string, entry: Pick<PartitionEntry, 'owner' | 'epoch'>) => number

/** Times that this process has seen pass, from its first look at a partition on. */
export function createFreeTimes(time: Pick<WatchedTime, 'now'>): FreeTimes {
  const sinceMs = new Map<string, number>()
  return (key, { owner = '', epoch }) => {
    const nowMs = time.now()
    const seen = `${key}@${epoch}@${owner}`
    for (const known of sinceMs.keys()) {
      if (known !== seen && known.startsWith(`${key}@`)) sinceMs.delete(known)
    }
    const firstMs = sinceMs.get(seen) ?? nowMs
    sinceMs.set(seen, firstMs)
    return nowMs - firstMs
  }
}
