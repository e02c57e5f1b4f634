import { EngineUnavailable } from '../../model/errors.ts'
import type { Item } from './driver.ts'
import { commitKey } from './keys.ts'
import { absent, type Table } from './table.ts'
import type { ConditionalWrite } from './transaction.ts'

/*
 * A barrier: an item at the place where the log of a shard ends, which names commits that may not be put there any more. Any
 * other commit takes its place. To readers nothing is there.
 *
 * It is how one writer makes sure that another one's commit never comes: that writer may be dead, or about to put it.
 * Whichever of the two writes is first decides, since both are conditional on the same item.
 */

/** Writers that a barrier gives way to before it gives up. */
const attemptsMax = 100

/** Whether an item of the log is a barrier, and no commit. */
export function isBarrier({ attributes }: Item): boolean {
  return attributes.refused !== undefined
}

/** Whether an item keeps a commit from being put in its place. */
export function refuses({ attributes }: Item, commitId: string): boolean {
  return attributes.refused?.S?.includes(named(commitId)) === true
}

/** The condition that no commit is there, and no barrier that refuses this one. */
export function unlessRefused(commitId: string): ConditionalWrite {
  const condition = 'attribute_not_exists(pk) or (attribute_exists(refused) and not contains(refused, :commit))'
  return { condition, values: { ':commit': { S: named(commitId) } } }
}

/** The condition that no commit is there, whatever is refused. */
export const noCommit: ConditionalWrite = { condition: 'attribute_not_exists(pk) or attribute_exists(refused)' }

/** A commit at the place where somebody was about to put it. */
export interface PlannedCommit {
  readonly commitId: string
  readonly shard: number
  readonly place: number
}

/** Sees to it that a commit does not come any more, unless one is at its place by now. */
export async function refuseCommit(table: Table, { commitId, shard, place }: PlannedCommit): Promise<void> {
  const key = commitKey(shard, place)
  let known = await table.get(key)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (known !== undefined && (!isBarrier(known) || refuses(known, commitId))) return
    const before = known?.attributes.refused
    const refused = { S: `${before?.S ?? ''}${named(commitId)}` }
    const condition = before === undefined ? absent : { condition: 'refused = :before', values: { ':before': before } }
    const written = await table.put({ ...key, attributes: { refused } }, condition)
    if (written.done) return
    known = written.met
  }
  throw new EngineUnavailable('dynamodb', `other writers came first ${attemptsMax} times`)
}

/** A name that is no part of another one. */
function named(commitId: string): string {
  return ` ${commitId} `
}
