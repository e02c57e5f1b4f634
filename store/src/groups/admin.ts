import { systemClock } from '../engine/system-clock.ts'
import type { CallOptions } from '../model/call.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { GroupExists, GroupNotFound } from '../model/group-errors.ts'
import { fieldsOf, refuseUnknownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { requireOneOrder } from '../model/log-shard.ts'
import { isPosition } from '../model/position.ts'
import type { Query } from '../model/query.ts'
import { createIdSource } from '../streams/event-id.ts'
import { type GroupInput, step } from './group.ts'
import type { GroupStore } from './group-events.ts'
import { type GivenGroupSettings, normalSettings, settingNames } from './group-settings.ts'
import { isConflict, type KeptGroup, loadGroup, saveDeleted, saveGroup } from './group-shelf.ts'
import { type Group, newGroup } from './group-state.ts'
import { tellMember } from './members.ts'
import { clearParked } from './park.ts'

const createFields = fieldsOf<CreateGroupOptions>({
  ...settingNames,
  stream: true,
  filter: true,
  from: true,
  newId: true,
  signal: true,
})
const updateFields = fieldsOf<UpdateGroupOptions>({ ...settingNames, from: true, signal: true })
const stopFields = fieldsOf<{ readonly reason?: string }>({ reason: true })

/** Options of {@link createGroup}. */
export interface CreateGroupOptions extends GivenGroupSettings, CallOptions {
  /** Follows one stream, by version, instead of the whole store. */
  readonly stream?: string | undefined
  /** Default `'everything'`. Not together with `stream`. */
  readonly filter?: Query | undefined
  /** Where it begins, inclusive: a position (a version with `stream`), or `'end'` for only what comes from now on. Default: the beginning. */
  readonly from?: number | 'end' | undefined
  /** Tells groups of one name apart. Default: UUIDs. */
  readonly newId?: (() => string) | undefined
}

/**
 * Creates a consumer group.
 *
 * @throws GROUP_EXISTS; INVALID_ARGUMENT, LIMIT_EXCEEDED; NOT_SUPPORTED for a group that follows a log with several shards.
 * @example
 * await createGroup(store, 'mailer', { filter: { types: ['OrderPlaced'] }, strategy: 'pinned' })
 */
export async function createGroup(store: GroupStore, group: string, options: CreateGroupOptions = {}): Promise<void> {
  refuseUnknownOptions(options, createFields, 'createGroup')
  const { stream, filter, from = 1, newId = createIdSource(systemClock), signal } = options
  if (stream !== undefined && filter !== undefined) {
    throw new InvalidArgument('filter', 'does not go together with stream: a group follows one or the other')
  }
  checkBeginning(from)
  if (stream === undefined) {
    requireOneOrder(store.capabilities, 'The place of a group is one position: have it follow one stream.')
  }
  const settings = normalSettings(options, { stream, filter: filter ?? 'everything' })
  const kept = await loadGroup(store.shelf, group, signal)
  if (kept.group !== undefined) throw new GroupExists(group)
  if (kept.deletedId !== undefined) await clearParked(store.shelf, kept.deletedId)
  const reached = await reachedBy(store, from, { stream, signal })
  try {
    await saveGroup(store.shelf, group, newGroup(newId(), settings, reached), kept.version)
  } catch (error) {
    throw isConflict(error) ? new GroupExists(group) : error
  }
}

function checkBeginning(from: unknown): void {
  if (from !== 'end' && !isPosition(from)) {
    throw new InvalidArgument('from', "is neither a whole number from 0 on nor 'end'")
  }
}

/** What a group that begins there has behind it. */
async function reachedBy(
  store: GroupStore,
  from: number | 'end',
  { stream, signal }: { readonly stream: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<number> {
  if (from !== 'end') return Math.max(from - 1, 0)
  const options = signal && { signal }
  return stream === undefined ? store.head(options) : (await store.streamInfo(stream, options)).version
}

/** Options of {@link updateGroup}. */
export interface UpdateGroupOptions extends GivenGroupSettings, CallOptions {
  /** Where it begins instead, as long as it has not handed out an event; ignored later. Default: as before. */
  readonly from?: number | 'end' | undefined
}

/**
 * Changes the settings of a consumer group that are given, for its consumers at once. What it follows stays. Where
 * `strategy` or `pinnedBy` changes, the events that are unfinished now are delivered one after the other.
 *
 * @throws GROUP_NOT_FOUND; INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export async function updateGroup(store: GroupStore, group: string, settings: UpdateGroupOptions): Promise<void> {
  refuseUnknownFields(settings, updateFields, 'settings')
  const { from, signal } = settings
  if (from !== undefined) checkBeginning(from)
  await changeGroup(store, group, async (found) => {
    const { stream } = found.settings
    const reached = from === undefined ? undefined : await reachedBy(store, from, { stream, signal })
    return [{ kind: 'update', settings: normalSettings(settings, found.settings), reached }]
  })
}

/**
 * Deletes a consumer group with its parked events. Its consumers end with GROUP_NOT_FOUND; no event is touched.
 *
 * @throws GROUP_NOT_FOUND
 */
export async function deleteGroup(store: GroupStore, group: string): Promise<void> {
  for (;;) {
    const kept = await loadGroup(store.shelf, group)
    const id = kept.group?.id ?? kept.deletedId
    try {
      if (kept.group !== undefined) await saveDeleted(store.shelf, group, kept)
    } catch (error) {
      if (isConflict(error)) continue
      throw error
    }
    tellMember(store, group)
    // A deletion that was cut off before has left some.
    if (id !== undefined) await clearParked(store.shelf, id)
    if (kept.group === undefined) throw new GroupNotFound(group)
    return
  }
}

/** Stops a consumer group: its consumers end with GROUP_STOPPED, here and elsewhere, until it is started again. */
export async function stopGroup(
  store: GroupStore,
  group: string,
  options: { readonly reason?: string | undefined } = {},
): Promise<void> {
  refuseUnknownOptions(options, stopFields, 'stopGroup')
  const { reason = '' } = options
  if (typeof reason !== 'string') throw new InvalidArgument('reason', 'is not a string')
  if (reason.length > limits.parkReasonChars) throw new LimitExceeded('parkReasonChars', reason.length, 'Be brief.')
  await changeGroup(store, group, () => [{ kind: 'halt', reason }])
}

/** Lets a consumer group that was stopped deliver again, from where it was. */
export async function startGroup(store: GroupStore, group: string): Promise<void> {
  await changeGroup(store, group, () => [{ kind: 'start' }])
}

/** Changes a group over whatever version it has; inputs are made from the group as it is. Without any, nothing is written. */
export async function changeGroup(
  store: GroupStore,
  name: string,
  inputsFor: (group: Group) => readonly GroupInput[] | Promise<readonly GroupInput[]>,
): Promise<Group> {
  for (;;) {
    const kept = await loadGroup(store.shelf, name)
    const found = existing(name, kept)
    const inputs = await inputsFor(found)
    if (inputs.length === 0) return found
    const changed = inputs.reduce((group, input) => step(group, input).group, found)
    try {
      await saveGroup(store.shelf, name, changed, kept.version)
      tellMember(store, name)
      return changed
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }
}

/** The group, which has to be there. */
export function existing(name: string, { group }: KeptGroup): Group {
  if (group === undefined) throw new GroupNotFound(name)
  return group
}
