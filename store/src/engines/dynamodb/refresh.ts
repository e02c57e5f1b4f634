import { readSealed } from './seal.ts'
import type { ShardParts } from './shard.ts'
import { closedChunks, type View } from './tail.ts'

/** The log as it is now: reads what was committed since, by a read that begins after the call. */
export type Refresh = () => Promise<View>

/** Complete chunks that the tail holds before this process looks whether another has sealed them. */
const chunksHeld = 2

/** Complete chunks that are read one after the other before it is looked whether it is quicker to begin behind them. */
const chunksRead = 4

/**
 * Looks at the end of the log. Calls that come while a look is under way share the next one: the one under way may have
 * passed the place already at which something was committed before they came.
 */
export function createRefresh(
  shard: Pick<ShardParts, 'table' | 'shard' | 'log' | 'tail'>,
  onNews: () => void,
): Refresh {
  const { table, log, tail } = shard
  let underWay: Promise<View> | undefined
  let next: Promise<View> | undefined

  async function look(): Promise<View> {
    const before = tail.view().head
    let chunks = 0
    for (let isMore = true; isMore; ) {
      isMore = false
      for await (const commit of log.commitsFrom(tail.view().head + 1)) {
        tail.learn(commit)
        if (commit.closes) chunks++
        isMore = chunks >= chunksRead
        if (isMore) break
      }
      if (chunks > 0 && closedChunks(tail.view()).length >= chunksHeld) tail.drop(await readSealed(table, shard.shard))
      chunks = 0
    }
    if (tail.view().head > before) onNews()
    return tail.view()
  }

  function begin(): Promise<View> {
    const looking = look()
    underWay = looking
    const over = (): void => {
      if (underWay === looking) underWay = undefined
    }
    looking.then(over, over)
    return looking
  }

  return () => {
    if (underWay === undefined) return begin()
    next ??= underWay
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return begin()
      })
    return next
  }
}
