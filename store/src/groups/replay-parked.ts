import type { CallOptions, Reader } from '../model/call.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { ParkedCountDiffers } from '../model/group-errors.ts'
import { fieldsOf, refuseUnknownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { checkWhole } from '../model/whole-number.ts'
import { checkedLimit, reader } from '../streams/reader.ts'
import { changeGroup, existing } from './admin.ts'
import type { GroupStore } from './group-events.ts'
import { loadGroup } from './group-shelf.ts'
import type { Group, Replay } from './group-state.ts'
import { isParked, listParked, type ParkedEvent, removeParked } from './park.ts'

const parkedFields = fieldsOf<ParkedEventsOptions>({ after: true, limit: true, signal: true })
const choiceFields = fieldsOf<ParkedChoice>({ positions: true, expectedCount: true })
const firstFields = fieldsOf<FirstParked>({ positions: true, countMax: true })

/** Which parked events are meant: those at some positions, or all of them, if they are as many as one counts on. */
export type ParkedChoice =
  | { readonly positions: readonly number[]; readonly expectedCount?: number | undefined }
  | { readonly positions: 'all'; readonly expectedCount: number }

/** The first parked events by their positions, so many or as many as there are. */
export interface FirstParked {
  readonly positions: 'first'
  readonly countMax: number
}

/** Options of {@link parkedEvents}. */
export interface ParkedEventsOptions extends CallOptions {
  /** Events after this position, for paging. Default: from the first. */
  readonly after?: number | undefined
  readonly limit?: number | undefined
}

/**
 * The events that a consumer group has put aside, in the order of their positions.
 *
 * @throws GROUP_NOT_FOUND
 * @example
 * await createGroup(store, 'mailer')
 * for await (const { position, reason } of parkedEvents(store, 'mailer')) console.log(position, reason)
 */
export function parkedEvents(
  store: Pick<GroupStore, 'shelf'>,
  group: string,
  options: ParkedEventsOptions = {},
): Reader<ParkedEvent> {
  refuseUnknownOptions(options, parkedFields, 'parkedEvents')
  const { after = 0, signal } = options
  checkWhole('after', after, 0)
  async function* parked(limit: number): AsyncGenerator<ParkedEvent> {
    const found = existing(group, await loadGroup(store.shelf, group, signal))
    if (limit === 0) return
    let left = limit
    for await (const event of listParked(store.shelf, found.id, { after, ...(signal && { signal }) })) {
      if (isOnItsWay(found, event.position)) continue
      yield event
      if (--left === 0) return
    }
  }
  return reader(parked, checkedLimit(options.limit))
}

/**
 * Delivers parked events again, as new ones: with all their attempts, as soon as consumers have room for them.
 *
 * @returns how many will be.
 * @throws PARKED_COUNT_DIFFERS when they are not as many as expected, or one of the positions holds no parked event.
 *   GROUP_NOT_FOUND; INVALID_ARGUMENT, LIMIT_EXCEEDED
 * @example
 * await createGroup(store, 'mailer')
 * const { parked } = await groupInfo(store, 'mailer')
 * await replayParked(store, 'mailer', { positions: 'all', expectedCount: parked })
 */
export async function replayParked(
  store: GroupStore,
  group: string,
  choice: ParkedChoice | FirstParked,
): Promise<{ readonly count: number }> {
  refuseUnknownFields(choice, choice.positions === 'first' ? firstFields : choiceFields, 'choice')
  if (choice.positions === 'first') return replayFirst(store, group, choice)
  const positions = checkedPositions(choice)
  let count = 0
  await changeGroup(store, group, async (found) => {
    count = await countChosen(store, group, found, choice)
    const replays = positions === 'all' ? [{ after: 0, through: found.reached }] : stretchesOf(positions)
    // All of them are on their way already, or there are none.
    if (count === 0 || found.replays.some(({ after, through }) => after === 0 && through === found.reached)) return []
    const asked = found.replays.length + replays.length
    if (asked > limits.groupReplays) {
      throw new LimitExceeded('groupReplays', asked, 'Wait until some were delivered, or replay all.')
    }
    return [{ kind: 'replay', replays }]
  })
  return { count }
}

async function replayFirst(
  store: GroupStore,
  group: string,
  { countMax }: FirstParked,
): Promise<{ readonly count: number }> {
  checkWhole('countMax', countMax, 0)
  let count = 0
  await changeGroup(store, group, async (found) => {
    count = 0
    let through = 0
    if (countMax >= found.counts.parked) {
      count = found.counts.parked
      through = found.reached
    } else if (countMax > 0) {
      for await (const { position } of listParked(store.shelf, found.id, { after: 0 })) {
        if (isOnItsWay(found, position)) continue
        through = position
        if (++count === countMax) break
      }
    }
    const isUnderWay = found.replays.some((replay) => replay.after === 0 && replay.through >= through)
    return count === 0 || isUnderWay ? [] : [{ kind: 'replay', replays: [{ after: 0, through }] }]
  })
  return { count }
}

/**
 * Throws parked events away: nobody gets them any more. The events themselves stay in the log.
 *
 * @returns how many.
 * @throws the errors of {@link replayParked}
 */
export async function discardParked(
  store: GroupStore,
  group: string,
  choice: ParkedChoice,
): Promise<{ readonly count: number }> {
  const positions = checkedPositions(choice)
  let count: number | undefined
  for (let left: readonly number[] | 'all' = positions; ; ) {
    let batch: readonly number[] = []
    const changed = await changeGroup(store, group, async (found) => {
      count ??= await countChosen(store, group, found, choice)
      batch = left === 'all' ? await firstParked(store, found) : left.slice(0, limits.groupChores)
      return batch.length === 0 ? [] : [{ kind: 'discard', member: operator, places: batch }]
    })
    await doDiscards(store, group, changed)
    if (batch.length === 0) return { count: count ?? 0 }
    const taken = batch
    if (left !== 'all') left = left.filter((place) => !taken.includes(place))
  }
}

/** Who does what an operator has decided; no member has this id. */
const operator = 'operator'

/** Looked for while the group is as it was read: it is not written when anything has changed. */
async function firstParked({ shelf }: GroupStore, found: Group): Promise<readonly number[]> {
  const batch: number[] = []
  for await (const { position } of listParked(shelf, found.id, { after: 0 })) {
    if (!isOnItsWay(found, position)) batch.push(position)
    if (batch.length === limits.groupChores) break
  }
  return batch
}

/** Takes away what was discarded, also by an operator that did not come to it. */
async function doDiscards(store: GroupStore, group: string, { id, chores }: Group): Promise<void> {
  const own = chores.filter(({ member }) => member === operator)
  if (own.length === 0) return
  for (const { place } of own) await removeParked(store.shelf, id, place)
  const done = own.map(({ number }) => number)
  await changeGroup(store, group, () => [{ kind: 'tidied', done, dropped: [] }])
}

async function countChosen(
  { shelf }: GroupStore,
  group: string,
  found: Group,
  { positions, expectedCount }: ParkedChoice,
): Promise<number> {
  if (positions === 'all') {
    const actual = found.counts.parked
    if (actual !== expectedCount) throw new ParkedCountDiffers({ group }, expectedCount, actual)
    return actual
  }
  const parked = await Promise.all(
    positions.map(async (place) => !isOnItsWay(found, place) && (await isParked(shelf, found.id, place))),
  )
  const actual = parked.filter(Boolean).length
  const expected = expectedCount ?? positions.length
  if (actual !== expected || actual !== positions.length) throw new ParkedCountDiffers({ group }, expected, actual)
  return actual
}

/** Whether an event that has an entry among the parked ones is being delivered again, or not parked yet. */
function isOnItsWay({ unfinished, chores }: Group, position: number): boolean {
  return [...unfinished, ...chores].some(({ place }) => place === position)
}

function checkedPositions({ positions, expectedCount }: ParkedChoice): readonly number[] | 'all' {
  if (expectedCount !== undefined) checkWhole('expectedCount', expectedCount, 0)
  if (positions === 'all') {
    if (expectedCount !== undefined) return positions
    throw new InvalidArgument('expectedCount', 'is missing: say how many events you take to be parked')
  }
  if (!Array.isArray(positions)) throw new InvalidArgument('positions', "is neither a list nor 'all'")
  if (positions.length > limits.groupReplays) throw new LimitExceeded('groupReplays', positions.length)
  for (const position of positions) {
    if (!isPosition(position) || position === 0) {
      throw new InvalidArgument('positions', 'has one that is not a whole number from 1 on')
    }
  }
  if (new Set(positions).size < positions.length) throw new InvalidArgument('positions', 'names one twice')
  return positions
}

function stretchesOf(positions: readonly number[]): readonly Replay[] {
  const stretches: Replay[] = []
  for (const place of [...positions].sort((a, b) => a - b)) {
    const last = stretches.at(-1)
    if (last?.through === place - 1) stretches[stretches.length - 1] = { ...last, through: place }
    else stretches.push({ after: place - 1, through: place })
  }
  return stretches
}
