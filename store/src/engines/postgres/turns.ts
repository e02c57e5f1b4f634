import type { AppendRequest } from '../../engine/engine.ts'

/** Runs work on some streams once all earlier work on any of them is over. */
export type TakeTurns = <Result>(batch: readonly AppendRequest[], work: () => Promise<Result>) => Promise<Result>

/**
 * Batches in flight take turns per stream: two connections may overtake each other, and what this process appended to a
 * stream first has to come first. Batches that share no stream do not wait for each other here.
 */
export function createTurns(): TakeTurns {
  const latest = new Map<string, Promise<unknown>>()

  return (batch, work) => {
    const streamIds = streamsIn(batch)
    const earlier = new Set<Promise<unknown>>()
    for (const streamId of streamIds) {
      const found = latest.get(streamId)
      if (found !== undefined) earlier.add(found)
    }
    const working = earlier.size === 0 ? work() : Promise.all(earlier).then(work)
    const over: Promise<void> = working.then(leave, leave)
    function leave(): void {
      for (const streamId of streamIds) if (latest.get(streamId) === over) latest.delete(streamId)
    }
    for (const streamId of streamIds) latest.set(streamId, over)
    return working
  }
}

function streamsIn(batch: readonly AppendRequest[]): ReadonlySet<string> {
  const streamIds = new Set<string>()
  for (const { events, checks } of batch) {
    for (const { streamId } of events) streamIds.add(streamId)
    for (const { streamId } of checks) streamIds.add(streamId)
  }
  return streamIds
}
