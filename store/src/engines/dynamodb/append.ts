import type { AppendOutcome, AppendRequest } from '../../engine/engine.ts'
import { EngineUnavailable } from '../../model/errors.ts'
import { logShardOf, placeOfPosition } from '../../model/log-shard.ts'
import { isBarrier } from './barrier.ts'
import type { Claims } from './claims.ts'
import {
  type Commit,
  type EncodedCommit,
  encodeBody,
  type Filled,
  type InTheWay,
  putCommits,
  readCommit,
} from './commit.ts'
import { type Inquiry, inquire } from './facts.ts'
import { type Facts, type Found, judge, type Verdict } from './judge.ts'
import { inParallel } from './parallel.ts'
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
 *
 * Where the log has several shards, that holds of streams, and the ends of all shards that the batch is about are put or
 * checked in one transaction. Ids may be in any shard; a commit claims them before it is put (claims.ts).
 *
 *   inquire ──▶ judge ──▶ claim ids, look at the claims of others ──▶ put where the shards end ──▶ done
 */

/** How full a chunk becomes before it is sealed. Few commits, so that little has to be read when a store is opened. */
export interface ChunkSize {
  readonly commits: number
  readonly events: number
  readonly bytes: number
}

/** Other writers' commits that one append gives way to before it gives up: each of them was somebody's success. */
const attemptsMax = 200

/** A shard that can be appended to. */
export interface AppendShard extends ShardParts {
  readonly refresh: Refresh
  readonly sealer: Sealer
}

/** What appends need besides the shards. */
export interface AppendParts {
  readonly calls: Calls
  readonly chunkSize: ChunkSize
  readonly newCommitId: () => string
  /** There when the log has several shards. */
  readonly claims: Claims | undefined
}

/** Appends a batch to the shards that its streams lie in; nobody else in this process appends to them meanwhile. */
export async function append(
  parts: AppendParts,
  shards: readonly AppendShard[],
  batch: readonly AppendRequest[],
): Promise<readonly AppendOutcome[]> {
  await inParallel(shards, ({ sealer }) => sealer.keepUp())
  const inquiry = inquire(shards, batch)
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const facts = await inquiry.facts()
    const verdict = judge(batch, facts)
    const isDone =
      verdict.written.length === 0
        ? await holds(parts, shards, { inquiry, facts })
        : await commit(parts, shards, { inquiry, facts, verdict, attempt })
    if (isDone) return verdict.outcomes
  }
  throw new EngineUnavailable('dynamodb', `other writers came first ${attemptsMax} times`)
}

interface Judged {
  readonly inquiry: Inquiry
  readonly facts: Facts
}

/**
 * Whether a verdict that puts nothing is about the log as it is: no put tells whether it had moved on. Ids are looked for
 * between the two looks at the ends of the shards, so that there was a moment at which all of it was so.
 */
async function holds(
  { claims }: AppendParts,
  shards: readonly AppendShard[],
  { inquiry, facts }: Judged,
): Promise<boolean> {
  const stored = (await claims?.stored(inquiry.unknownIds())) ?? nothing
  inquiry.learn(stored)
  const unmoved = await inParallel(
    shards,
    async ({ shard, refresh }) => (await refresh()).head === facts.heads.get(shard),
  )
  return stored.size === 0 && !unmoved.includes(false)
}

const nothing: ReadonlyMap<string, Found> = new Map()

/** Puts what a verdict writes where the shards end; says whether it is there, and otherwise learns what was in the way. */
async function commit(
  parts: AppendParts,
  shards: readonly AppendShard[],
  { inquiry, facts, verdict, attempt }: Judged & { readonly verdict: Verdict; readonly attempt: number },
): Promise<boolean> {
  const { claims, calls } = parts
  // Others go on reading meanwhile: everything from here on is about these ends.
  const ends = shards.map((shard): ShardEnd => ({ shard, view: shard.tail.view() }))
  if (ends.some(({ shard, view }) => view.head !== facts.heads.get(shard.shard))) return false
  const commits = await commitsOf(parts, ends, verdict)
  const stored = claims === undefined ? nothing : await claimed(claims, commits, inquiry)
  inquiry.learn(stored)
  const inTheWay = stored.size > 0 ? [] : await putWhereTheyEnd(ends, commits)
  if (stored.size === 0 && inTheWay.length === 0) {
    for (const { shard, encoded } of commits) {
      shard.tail.learn(encoded.commit)
      if (encoded.commit.closes) shard.sealer.seal()
    }
    return true
  }
  // A commit with this id will not come any more, so that nobody has to look for it.
  const withdraw = async (): Promise<void> => claims?.withdraw(commits.map(({ encoded }) => encoded))
  if (inTheWay.length > 0) {
    calls.inBackground(withdraw)
    await learnAndGiveWay(parts, shards, { inTheWay, attempt })
  } else {
    // Its place is still free: the next try would take this one for a rival that is on its way.
    await withdraw()
  }
  return false
}

/** A shard as it was when a batch was judged. */
interface ShardEnd {
  readonly shard: AppendShard
  readonly view: View
}

/** A commit that is about to be put, and its shard. */
interface ShardCommit {
  readonly shard: AppendShard
  readonly encoded: EncodedCommit
}

/** Claims the ids of commits; gives those of the batch that turn out to be stored. */
async function claimed(
  claims: Claims,
  commits: readonly ShardCommit[],
  inquiry: Inquiry,
): Promise<ReadonlyMap<string, Found>> {
  const encoded = commits.map((one) => one.encoded)
  const ids = encoded.flatMap(({ commit: { events } }) => events.map(({ id }) => id))
  await claims.stake(encoded)
  return claims.settled(inquiry.unknownIds(), { commitId: encoded[0]?.commit.id ?? '', ids: new Set(ids) })
}

async function putWhereTheyEnd(
  ends: readonly ShardEnd[],
  commits: readonly ShardCommit[],
): Promise<readonly InTheWay[]> {
  const written = new Set(commits.map(({ shard }) => shard))
  const unchanged = ends
    .filter(({ shard }) => !written.has(shard))
    .map(({ shard: { shard }, view }) => ({ shard, nextPlace: view.head + 1 }))
  const encoded = commits.map((one) => one.encoded)
  const [first] = ends
  return first === undefined ? [] : putCommits(first.shard.table, encoded, unchanged)
}

interface Lost {
  readonly inTheWay: readonly InTheWay[]
  readonly attempt: number
}

/**
 * Takes in what was in the way. Who has lost again and again waits, and looks how far the others are: further than the one
 * commit that was in the way. Who claims ids looks at once, since each try costs a claim.
 */
async function learnAndGiveWay(
  { calls, claims }: AppendParts,
  shards: readonly AppendShard[],
  { inTheWay, attempt }: Lost,
): Promise<void> {
  for (const { table, shard, tail } of shards) {
    const met = inTheWay.find((one) => one.shard === shard)
    if (met !== undefined && !isBarrier(met.item)) tail.learn(await readCommit(table, shard, met.item))
  }
  if (attempt >= 3) await calls.pause(Math.min(attempt - 3, 3))
  if (attempt >= 3 || claims !== undefined) await inParallel(shards, ({ refresh }) => refresh())
}

/** The commits of what is written, one for each shard that gets some of it, all with one id. */
async function commitsOf(
  { newCommitId, chunkSize }: AppendParts,
  ends: readonly ShardEnd[],
  verdict: Verdict,
): Promise<readonly ShardCommit[]> {
  const id = newCommitId()
  const commits = await inParallel(ends, async ({ shard, view }): Promise<ShardCommit | undefined> => {
    const part = partOf(shard, verdict)
    if (part.events.length === 0) return undefined
    const plain = plainCommit(part, view, id)
    const body = await encodeBody(plain)
    const filled = filledWith(view, plain.events.length, body.byteLength)
    return {
      shard,
      encoded: { shard: shard.shard, commit: { ...plain, filled, closes: isFull(filled, chunkSize) }, body },
    }
  })
  return commits.filter((one) => one !== undefined)
}

/** What a verdict writes to one shard, by places in it. */
function partOf({ shard, logShards }: AppendShard, { written, states }: Verdict): Pick<Commit, 'events' | 'states'> {
  if (logShards === 1) return { events: written, states }
  const isMine = (streamId: string): boolean => logShardOf(streamId, logShards) === shard
  return {
    events: written
      .filter(({ streamId }) => isMine(streamId))
      .map((event) => ({ ...event, position: placeOfPosition(event.position, logShards).place })),
    states: new Map([...states].filter(([streamId]) => isMine(streamId))),
  }
}

function plainCommit(
  { events, states }: Pick<Commit, 'events' | 'states'>,
  view: View,
  id: string,
): Omit<Commit, 'filled' | 'closes'> {
  const last = view.commits.at(-1)
  return {
    id,
    firstPosition: view.head + 1,
    lastPosition: view.head + events.length,
    events,
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
