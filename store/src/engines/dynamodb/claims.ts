import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { isBarrier, type PlannedCommit, refuseCommit, refuses } from './barrier.ts'
import { type EncodedCommit, readCommit } from './commit.ts'
import type { Item } from './driver.ts'
import type { Found } from './judge.ts'
import { claimPartition, commitKey, padded } from './keys.ts'
import { inParallel } from './parallel.ts'
import type { Calls } from './requests.ts'
import { foundIn } from './shard.ts'
import type { Table } from './table.ts'

/*
 * Ids of a log with several shards. Commits of two shards do not exclude each other, so that a commit claims its ids where
 * every other commit with one of them looks:
 *
 *   write the claim ──▶ read the claims of others ──▶ put the commit
 *
 * - Of two commits with the same id, at least one is seen by the other: each writes its claim before it reads.
 * - Who sees a claim on an id of its own looks at the place that the claim names. There is that commit: the id is stored. There
 *   is another one: the claim is void for ever, since a commit is only put at the place it has claimed. There is none
 *   yet: the commit may be on its way, or its writer dead. Then a barrier is put there, after which it cannot come.
 * - So no id is put into a second commit while the first one is there or may still come.
 * - A claim is written once, under the name of its commit, and a commit that is tried at another place has another name.
 *   So a claim that arrives late, or twice, says what it always said.
 *
 * Claims stay, and are the index of ids. Ids of the same sixteen milliseconds share a partition and those of one commit an
 * item, so that a commit of many appends mostly writes one claim, and reads one partition.
 */

/** Ids of one item, 16 bytes each. */
const itemIds = 10_000

/** Looks at a commit that is on its way before it is refused, when its writer goes first. */
const looksMax = 6

/** What keeps ids unique over all shards. */
export interface Claims {
  /** Claims the ids of commits that are about to be put. */
  stake(commits: readonly ClaimedCommit[]): Promise<void>
  /** Those of the ids that are stored. */
  stored(ids: readonly string[]): Promise<ReadonlyMap<string, Found>>
  /** The same, and sees to it that no other commit brings those that a commit has claimed. */
  settled(ids: readonly string[], own: OwnClaim): Promise<ReadonlyMap<string, Found>>
  /** Removes the claims of commits that will not come, and which nobody has to look at any more. */
  withdraw(commits: readonly ClaimedCommit[]): Promise<void>
  /** The event with an id, and the shard that it lies in. */
  find(id: string): Promise<{ readonly shard: number; readonly event: StoredEvent } | undefined>
}

/** What is claimed of a commit. */
export type ClaimedCommit = Pick<EncodedCommit, 'shard' | 'commit'>

/** The claim of somebody who asks. */
export interface OwnClaim {
  readonly commitId: string
  readonly ids: ReadonlySet<string>
}

/** Somebody else's claim, as far as it is about ids that were asked for. */
interface Rival extends PlannedCommit {
  readonly ids: readonly string[]
}

/** What became of a rival. */
type Fate = 'void' | 'on its way' | readonly StoredEvent[]

/** The claims of a table. */
export function createClaims(table: Table, logShards: number, calls: Calls): Claims {
  function storedIn(rivals: readonly Rival[], fates: readonly Fate[]): Map<string, Found> {
    const stored = new Map<string, Found>()
    for (const [index, { shard }] of rivals.entries()) {
      const fate = fates[index] ?? 'void'
      if (typeof fate !== 'string') for (const event of fate) stored.set(event.id, foundIn({ shard, logShards }, event))
    }
    return stored
  }

  async function settled(ids: readonly string[], own: OwnClaim): Promise<ReadonlyMap<string, Found>> {
    const rivals = await rivalsOf(table, ids, own.commitId)
    for (let looks = 0; ; looks++) {
      const fates = await fatesOf(table, rivals)
      const onTheirWay = rivals.filter(
        (rival, index) => fates[index] === 'on its way' && rival.ids.some((id) => own.ids.has(id)),
      )
      if (onTheirWay.length === 0) return storedIn(rivals, fates)
      // Of two that meet, the one whose name comes first goes first: if both stopped each other, neither would get on.
      const refused = onTheirWay.filter(({ commitId }) => own.commitId < commitId || looks >= looksMax)
      await inParallel(refused, (rival) => refuseCommit(table, rival))
      if (refused.length < onTheirWay.length) await calls.pause(Math.min(looks, 1))
    }
  }

  return {
    stake: (commits) => table.putMany(commits.flatMap(claimItems)),
    stored: async (ids) => {
      const rivals = await rivalsOf(table, ids)
      return storedIn(rivals, await fatesOf(table, rivals))
    },
    settled,
    withdraw: (commits) => table.removeMany(commits.flatMap(claimItems)),
    find: async (id) => {
      const rivals = await rivalsOf(table, [id])
      const fates = await fatesOf(table, rivals)
      for (const [index, { shard }] of rivals.entries()) {
        const fate = fates[index] ?? 'void'
        const [event] = typeof fate === 'string' ? [] : fate
        if (event !== undefined) return { shard, event }
      }
      return undefined
    },
  }
}

/** The claims of others on some ids, those of a commit left out. */
async function rivalsOf(table: Table, ids: readonly string[], ownId?: string): Promise<readonly Rival[]> {
  const partitions = Map.groupBy(ids, claimPartition)
  const found = await inParallel([...partitions], async ([pk, wanted]) => {
    const byClaimed = new Map(wanted.map((id) => [withoutHyphens(id), id]))
    const rivals: Rival[] = []
    for await (const items of table.query({ pk, from: '0', to: '~', direction: 'forward' })) {
      for (const item of items) {
        const rival = rivalIn(item, byClaimed)
        if (rival.ids.length > 0 && rival.commitId !== ownId) rivals.push(rival)
      }
    }
    return rivals
  })
  return found.flat()
}

async function fatesOf(table: Table, rivals: readonly Rival[]): Promise<readonly Fate[]> {
  const keys = new Map(rivals.map(({ shard, place }) => [`${shard}#${place}`, commitKey(shard, place)]))
  const items = await table.getMany([...keys.values()])
  const byKey = new Map(items.map((item) => [`${item.pk} ${item.sk}`, item]))
  return inParallel(rivals, async (rival) => {
    const { pk, sk } = commitKey(rival.shard, rival.place)
    return fateOf(table, rival, byKey.get(`${pk} ${sk}`))
  })
}

function claimItems({ shard, commit: { id, firstPosition, events } }: ClaimedCommit): readonly Item[] {
  const partitions = Map.groupBy(
    events.map((event) => event.id),
    claimPartition,
  )
  return [...partitions].flatMap(([pk, ids]) =>
    Array.from({ length: Math.ceil(ids.length / itemIds) }, (_, piece) => ({
      pk,
      sk: `${id}#${shard}#${padded(piece)}`,
      attributes: {
        commit: { S: id },
        shard: { N: String(shard) },
        place: { N: String(firstPosition) },
        ids: {
          B: Buffer.from(
            ids
              .slice(piece * itemIds, (piece + 1) * itemIds)
              .map(withoutHyphens)
              .join(''),
            'hex',
          ),
        },
      },
    })),
  )
}

/** A claim, of its ids those that are wanted. */
function rivalIn({ pk, attributes }: Item, wanted: ReadonlyMap<string, string>): Rival {
  const { commit, shard, place, ids } = attributes
  const rival = { commitId: commit?.S ?? '', shard: Number(shard?.N), place: Number(place?.N) }
  if (rival.commitId === '' || !Number.isSafeInteger(rival.shard + rival.place)) {
    throw new StoreCorrupt(`a claim on ids in ${JSON.stringify(pk)} lacks attributes`)
  }
  const claimed = Buffer.from(ids?.B ?? []).toString('hex')
  const all = Array.from({ length: claimed.length / 32 }, (_, entry) => claimed.slice(entry * 32, entry * 32 + 32))
  return { ...rival, ids: all.flatMap((id) => wanted.get(id) ?? []) }
}

async function fateOf(table: Table, { commitId, shard, ids }: Rival, item: Item | undefined): Promise<Fate> {
  if (item === undefined) return 'on its way'
  if (isBarrier(item)) return refuses(item, commitId) ? 'void' : 'on its way'
  if (item.attributes.id?.S !== commitId) return 'void'
  const { events } = await readCommit(table, shard, item)
  return events.filter(({ id }) => ids.includes(id))
}

function withoutHyphens(id: string): string {
  return id.replaceAll('-', '')
}
