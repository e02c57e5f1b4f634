import type { CallOptions, Reader } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import type { GroupSettings } from '../model/consumer-group.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { checkedLimit, reader } from '../streams/reader.ts'
import { existing } from './admin.ts'
import { type GroupStore, readPlaces } from './group-events.ts'
import { groupFrom, groupPrefix, loadGroup, nameFrom } from './group-shelf.ts'
import { type ConsumerNumbers, checkpointOf, type Group, parkingOf } from './group-state.ts'

const listFields = fieldsOf<ListGroupsOptions>({ prefix: true, after: true, limit: true, signal: true })

/** What a consumer group is and where it stands, as it was last saved. Positions are versions of a group on one stream. */
export interface GroupSummary {
  readonly group: string
  readonly settings: GroupSettings
  /** `'idle'`: nobody consumes. */
  readonly status: 'running' | 'idle' | 'stopped'
  /** Why it was stopped, and the event a consumer stopped at. */
  readonly stopped: { readonly reason: string; readonly position: number | undefined } | undefined
  /** Everything up to here is finished. */
  readonly checkpoint: number
  /** Everything up to here was taken in. */
  readonly reached: number
  /** Events that a program has for its consumers, those that wait for a retry included. */
  readonly inFlight: number
  /** Events that were taken in and that nobody has. */
  readonly waiting: number
  /** Of both, those whose delivery has failed before. */
  readonly retried: number
  readonly parked: number
  /** Whether parked events that are wanted back have not all been taken in yet. */
  readonly isReplaying: boolean
  /** Events acknowledged, and skipped, since the group was created. */
  readonly acked: number
  readonly skipped: number
  /** Events finished per second, lately. */
  readonly perSecond: number
  /** Programs that take part, in the order in which they joined, and their consumers. */
  readonly members: readonly { readonly id: string; readonly consumers: readonly ConsumerNumbers[] }[]
}

/** {@link GroupSummary} with what has to be read from the log. */
export interface GroupInfo extends GroupSummary {
  /** Events of the group's that are not finished, nor parked yet; those that are replayed do not count. */
  readonly lagEvents: number
  /** False when there are more: of a group with a filter no more than `limits.lagEvents` are counted. */
  readonly isLagExact: boolean
  /** The first event that is not finished, if it can still be read. */
  readonly oldest: OldestEvent | undefined
}

/** The first event of a group that is not finished. */
export interface OldestEvent {
  readonly position: number
  readonly eventId: string
  readonly eventType: string
  readonly streamId: string
  /** When it was recorded, ISO 8601 in UTC. */
  readonly timestamp: string
  /** Deliveries that failed. */
  readonly attempts: number
}

/**
 * Where a consumer group stands.
 *
 * @throws GROUP_NOT_FOUND
 * @example
 * await createGroup(store, 'mailer')
 * const { parked, lagEvents } = await groupInfo(store, 'mailer')
 */
export async function groupInfo(store: GroupStore, group: string, options: CallOptions = {}): Promise<GroupInfo> {
  refuseUnknownOptions(options, callFields, 'groupInfo')
  const { signal } = options
  const found = existing(group, await loadGroup(store.shelf, group, signal))
  const [lag, oldest] = await Promise.all([lagOf(store, found, signal), oldestOf(store, found, signal)])
  return { ...summaryOf(group, found), ...lag, oldest }
}

/** Options of {@link listGroups}. */
export interface ListGroupsOptions extends CallOptions {
  /** Names that begin with this. Default: all. */
  readonly prefix?: string | undefined
  /** Names after this one, for paging. Default: from the first. */
  readonly after?: string | undefined
  readonly limit?: number | undefined
}

/** Lists consumer groups, ordered by the UTF-8 bytes of their names. */
export function listGroups(store: Pick<GroupStore, 'shelf'>, options: ListGroupsOptions = {}): Reader<GroupSummary> {
  refuseUnknownOptions(options, listFields, 'listGroups')
  const { prefix = '', after = '', signal } = options
  for (const [name, value] of Object.entries({ prefix, after })) {
    if (typeof value !== 'string') throw new InvalidArgument(name, 'is not a string')
  }
  async function* summaries(limit: number): AsyncGenerator<GroupSummary> {
    if (limit === 0) return
    let left = limit
    const from = after === '' ? '' : groupPrefix + after
    for await (const item of store.shelf.list({
      prefix: groupPrefix + prefix,
      after: from,
      ...(signal && { signal }),
    })) {
      const { group } = groupFrom(item)
      if (group === undefined) continue
      yield summaryOf(nameFrom(item.key), group)
      if (--left === 0) return
    }
  }
  return reader(summaries, checkedLimit(options.limit))
}

function summaryOf(group: string, found: Group): GroupSummary {
  const { settings, reached, unfinished, counts, replays, members, stopped } = found
  const held = unfinished.filter(({ holder }) => holder !== undefined)
  const consumers = members.flatMap((member) => member.consumers)
  return {
    group,
    settings,
    status: stopped !== undefined ? 'stopped' : consumers.length > 0 ? 'running' : 'idle',
    stopped: stopped && { reason: stopped.reason, position: stopped.place },
    checkpoint: checkpointOf(found),
    reached,
    inFlight: held.length,
    waiting: unfinished.length - held.length,
    retried: unfinished.filter(({ attempts }) => attempts > 0).length,
    isReplaying: replays.length > 0,
    ...counts,
    perSecond: consumers.reduce((sum, { perSecond }) => sum + perSecond, 0),
    members: members.map(({ id, consumers: own }) => ({ id, consumers: own })),
  }
}

async function lagOf(
  store: GroupStore,
  group: Group,
  signal: AbortSignal | undefined,
): Promise<Pick<GroupInfo, 'lagEvents' | 'isLagExact'>> {
  const { settings, reached, unfinished } = group
  const { stream, filter } = settings
  const options = signal && { signal }
  const open = unfinished.filter(({ isReplayed }) => !isReplayed).length + parkingOf(group).length
  const exactly = (ahead: number) => ({ lagEvents: open + Math.max(ahead, 0), isLagExact: true })
  if (stream !== undefined) return exactly((await store.streamInfo(stream, options)).version - reached)
  if (filter === 'everything' && store.capabilities.gaplessPositions)
    return exactly((await store.head(options)) - reached)
  let ahead = 0
  for await (const _ of store.readAll({ from: reached + 1, filter, limit: limits.lagEvents + 1, ...options })) ahead++
  return { lagEvents: open + Math.min(ahead, limits.lagEvents), isLagExact: ahead <= limits.lagEvents }
}

async function oldestOf(
  store: GroupStore,
  { settings, unfinished }: Group,
  signal: AbortSignal | undefined,
): Promise<OldestEvent | undefined> {
  const first = unfinished.find(({ isReplayed }) => !isReplayed)
  if (first === undefined) return undefined
  const { place, attempts } = first
  const event = (await readPlaces(store, settings, [place], signal)).get(place)
  if (event === undefined) return undefined
  const { id, type, streamId, metadata } = event
  const { timestamp } = metadata
  return { position: place, eventId: id, eventType: type, streamId, timestamp, attempts }
}
