/**
 * A group as an entry of the shelf. The entry is never removed, so that its versions only ever rise: of a group that is
 * deleted it says so, and a program that still has an older version in hand can overwrite nothing.
 */
import type { GroupSettings } from '../model/consumer-group.ts'
import { InvalidArgument, isVarveError, LimitExceeded, StoreCorrupt, StoreTooNew } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import type { Chore, Group, Member, Replay, Unfinished } from './group-state.ts'

/** A group and the version of its entry, 0 when there is none. */
export interface KeptGroup {
  readonly group: Group | undefined
  readonly version: number
  /** The id of the group that was here and was deleted: parked events of its may still be there. */
  readonly deletedId: string | undefined
}

/** Where all groups lie. */
export const groupPrefix = 'group/'

const knownFormat = 1

/** An unfinished event, short: place, attempts, losses, key, index of its holder or -1, 1 when it is replayed. */
type EncodedUnfinished = readonly [number, number, number, number | null, number, number]

/** Whatever else a group is, as it is. */
interface EncodedGroup extends Omit<Group, 'unfinished' | 'members' | 'chores' | 'settings'> {
  readonly format: number
  readonly settings: GroupSettings
  readonly unfinished: readonly EncodedUnfinished[]
  readonly members: readonly Member[]
  readonly chores: readonly Chore[]
  readonly replays: readonly Replay[]
}

/** The group of a name. */
export async function loadGroup(shelf: StoreShelf, name: string, signal?: AbortSignal): Promise<KeptGroup> {
  const item = await shelf.get(keyOf(name), signal && { signal })
  return item === undefined ? { group: undefined, version: 0, deletedId: undefined } : groupFrom(item)
}

/**
 * Saves a group over the version that was read.
 *
 * @throws SHELF_CONFLICT when another one was first.
 */
export async function saveGroup(shelf: StoreShelf, name: string, group: Group, version: number): Promise<number> {
  return shelf.put(keyOf(name), encoded(group), { expectedVersion: version })
}

/** Says in place of a group that it was deleted; its parked events are still to be removed. */
export async function saveDeleted(shelf: StoreShelf, name: string, { group, version }: KeptGroup): Promise<number> {
  return shelf.put(keyOf(name), { format: knownFormat, deletedId: group?.id }, { expectedVersion: version })
}

/** A group from an entry of the shelf. */
export function groupFrom({ key, value, version }: ShelfItem): KeptGroup {
  const found = value as EncodedGroup & { readonly deletedId?: string }
  if (typeof found?.format !== 'number') throw new StoreCorrupt(`the entry ${JSON.stringify(key)} is no consumer group`)
  if (found.format > knownFormat) throw new StoreTooNew(found.format, knownFormat)
  if (found.deletedId !== undefined) return { group: undefined, version, deletedId: found.deletedId }
  return { group: decoded(found), version, deletedId: undefined }
}

/** The name of a group, by the key it lies under. */
export function nameFrom(key: string): string {
  return key.slice(groupPrefix.length)
}

/** Refuses what is no name for a group. */
export function checkGroupName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed() || name === '.' || name === '..') {
    throw new InvalidArgument('group', 'is not a non-empty string of whole characters')
  }
  if (name.length > limits.groupNameChars)
    throw new LimitExceeded('groupNameChars', name.length, 'Choose a shorter one.')
}

/** Whether a write came too late, and nothing was changed. */
export function isConflict(error: unknown): boolean {
  return isVarveError(error, 'SHELF_CONFLICT')
}

/** The JSON value of a group: what there may be thousands of takes as few bytes as it can. */
export function encoded(group: Group): EncodedGroup {
  const indexes = new Map(group.members.map(({ id }, index) => [id, index]))
  const unfinished = group.unfinished.map(({ place, attempts, losses, key, holder, isReplayed }): EncodedUnfinished => {
    const index = holder === undefined ? -1 : (indexes.get(holder) ?? -1)
    return [place, attempts, losses, key ?? null, index, isReplayed ? 1 : 0]
  })
  return { format: knownFormat, ...group, unfinished }
}

function decoded({ format: _, ...found }: EncodedGroup): Group {
  const { members, settings, chores, stopped } = found
  const unfinished = found.unfinished.map(([place, attempts, losses, key, index, replayed]): Unfinished => {
    return { place, attempts, losses, key: key ?? undefined, holder: members[index]?.id, isReplayed: replayed === 1 }
  })
  // What is undefined has no place in JSON: it is put back, so that a group is the same before and after.
  return {
    ...found,
    settings: { ...settings, stream: settings.stream, notes: settings.notes },
    chores: chores.map((chore) => ({ ...chore, key: chore.key })),
    stopped: stopped && { ...stopped, place: stopped.place },
    unfinished,
  }
}

function keyOf(name: string): string {
  checkGroupName(name)
  return groupPrefix + name
}
