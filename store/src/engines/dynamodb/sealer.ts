import type { Calls } from './requests.ts'
import { readSealed, sealChunk } from './seal.ts'
import type { ShardParts } from './shard.ts'
import { closedChunks } from './tail.ts'

/** Seals chunks behind the appends of this process. */
export interface Sealer {
  /** A chunk was completed here: it is sealed in the background, and those before it that nobody sealed. */
  seal(): void
  /** Waits while chunks are completed faster than they are sealed, which bounds what is held in memory. */
  keepUp(): Promise<void>
}

/** Complete chunks that may wait to be sealed. */
const chunksBehind = 4

/**
 * Chunks are sealed by the process whose commit completed them. One that died leaves that to whoever completes the next one,
 * and two that come together write the same.
 */
export function createSealer({ table, shard, logShards, tail }: ShardParts, calls: Calls): Sealer {
  let sealing: Promise<void> | undefined
  let again = false

  async function sealNext(): Promise<boolean> {
    const view = tail.view()
    const chunk = view.sealed.chunk + 1
    if (calls.closing.aborted || !closedChunks(view).includes(chunk)) return false
    const found = await readSealed(table, shard)
    if (found.chunk >= chunk) {
      tail.drop(found)
      return true
    }
    const commits = view.commits.filter((commit) => commit.chunk === chunk)
    tail.drop(await sealChunk({ table, shard, logShards }, commits))
    return true
  }

  async function sealAll(): Promise<void> {
    try {
      do {
        again = false
        while (await sealNext());
      } while (again)
    } finally {
      sealing = undefined
    }
  }

  function seal(): void {
    again = true
    if (sealing !== undefined) return
    sealing = sealAll()
    const working = sealing
    // Also when nobody waits for it any more: whoever completes the next chunk tries again.
    working.catch(() => undefined)
    calls.inBackground(() => working)
  }

  return {
    seal,
    keepUp: async () => {
      // What makes sealing fail makes this append fail too, rather than let the tail grow without a bound.
      for (let waits = 0; closedChunks(tail.view()).length > chunksBehind && waits < chunksBehind; waits++) {
        seal()
        await sealing
      }
    },
  }
}
