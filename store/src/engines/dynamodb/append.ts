import type { AppendOutcome, AppendRequest } from '../../engine/engine.ts'
import { EngineUnavailable } from '../../model/errors.ts'
import { type Commit, encodeBody, type Filled, putCommit, readCommit } from './commit.ts'
import { inquire } from './facts.ts'
import { judge, type Verdict } from './judge.ts'
import type { Refresh } from './refresh.ts'
import type { Calls } from './requests.ts'
import type { Sealer } from './sealer.ts'
import type { ShardParts } from './shard.ts'
import type { View } from './tail.ts'

/*
 * An append: find out what the batch is judged by, judge it, and put what is written at the end of the log as this process
 * knows it.
 *
 *   inquire ──▶ judge ──▶ put where the log ends ──(nothing was there)──▶ done
 *      ▲                       │
 *      └──(learn what was there)
 *
 * The put succeeds only if nothing was committed since the facts were looked up. So everything the batch was judged by still
 * holds when it becomes part of the log: ids, versions, tombstones, conditions over any query. No other item has to be
 * checked or locked, and no number of streams, ids or tags is too large for it.
 */

/** How full a chunk becomes before it is sealed. Few commits, so that little has to be read when a store is opened. */
export interface ChunkSize {
  readonly commits: number
  readonly events: number
  readonly bytes: number
}

/** Other writers' commits that one append gives way to before it gives up: each of them was somebody's success. */
const attemptsMax = 200

/** What appends need besides the shard. */
export interface AppendParts {
  readonly shard: ShardParts
  readonly calls: Calls
  readonly refresh: Refresh
  readonly sealer: Sealer
  readonly chunkSize: ChunkSize
  readonly newCommitId: () => string
}

/** Appends batches, one after the other: the end of the log is one place. */
export function createAppend(
  parts: AppendParts,
): (batch: readonly AppendRequest[]) => Promise<readonly AppendOutcome[]> {
  let latest: Promise<unknown> = Promise.resolve()
  return (batch) => {
    const working = latest.then(() => append(parts, batch))
    latest = working.catch(() => undefined)
    return working
  }
}

async function append(
  { shard, calls, refresh, sealer, chunkSize, newCommitId }: AppendParts,
  batch: readonly AppendRequest[],
): Promise<readonly AppendOutcome[]> {
  await sealer.keepUp()
  const inquiry = inquire(shard, batch)
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const { head, ...facts } = await inquiry.facts()
    const verdict = judge(batch, { head, ...facts })
    if (verdict.written.length === 0) {
      // Nothing is put, so nothing tells whether the log had moved on: a refusal has to be about the log as it is.
      if ((await refresh()).head === head) return verdict.outcomes
      continue
    }
    const view = shard.tail.view()
    if (view.head !== head) continue
    const commit = commitOf(verdict, view, newCommitId())
    const body = await encodeBody(commit)
    const filled = filledWith(view, commit.events.length, body.byteLength)
    const closes = isFull(filled, chunkSize)
    const written: Commit = { ...commit, filled, closes }
    const inTheWay = await putCommit(shard.table, shard.shard, written, body)
    if (inTheWay === undefined) {
      shard.tail.learn(written)
      if (closes) sealer.seal()
      return verdict.outcomes
    }
    shard.tail.learn(await readCommit(shard.table, shard.shard, inTheWay))
    await giveWay(attempt, calls, refresh)
  }
  throw new EngineUnavailable('dynamodb', `other writers came first ${attemptsMax} times`)
}

/** Who has lost again and again waits, and looks how far the others are: further than the one commit that was in the way. */
async function giveWay(attempt: number, calls: Calls, refresh: Refresh): Promise<void> {
  if (attempt < 3) return
  await calls.pause(Math.min(attempt - 3, 3))
  await refresh()
}

function commitOf({ written, states }: Verdict, view: View, id: string): Omit<Commit, 'filled' | 'closes'> {
  const last = view.commits.at(-1)
  return {
    id,
    firstPosition: view.head + 1,
    lastPosition: view.head + written.length,
    events: written,
    states,
    chunk: last === undefined ? view.sealed.chunk + 1 : last.chunk + (last.closes ? 1 : 0),
  }
}

/** What the chunk has in it with one more commit. */
function filledWith({ commits }: View, events: number, bytes: number): Filled {
  const last = commits.at(-1)
  const before = last === undefined || last.closes ? { commits: 0, events: 0, bytes: 0 } : last.filled
  return { commits: before.commits + 1, events: before.events + events, bytes: before.bytes + bytes }
}

function isFull(filled: Filled, size: ChunkSize): boolean {
  return filled.commits >= size.commits || filled.events >= size.events || filled.bytes >= size.bytes
}
