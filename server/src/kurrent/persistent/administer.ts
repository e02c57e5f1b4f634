import { type Clock, createGroup, deleteGroup, type EventStore, replayParked, startGroup, updateGroup } from 'varve'
import type { FilterText } from '../streams/event-filter.ts'
import type { Numbering } from '../views/numbering.ts'
import { type FollowingFrom, type FollowingMessage, followingFrom, placeFor, startFromOf } from './beginning.ts'
import type { Connections } from './connections.ts'
import { loadSubscription, savedSubscriptions } from './load.ts'
import { keptNotes, type Notes } from './notes.ts'
import { dropped, failed, inWordsOfClients } from './refusals.ts'
import { groupSettingsFor, type SubscriptionSettings, settingsIn } from './settings.ts'
import { followedBy } from './source.ts'
import { badRequest, groupNameOf, type NamedIn, nameIn, type SubscriptionName } from './subscription-name.ts'

/** What those who run persistent subscriptions work with. */
export interface AdministerParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly numbering: Numbering
  readonly connections: Connections
  /** Fresh UUIDs. */
  readonly newId: () => string
}

/** A request of Create or of Update. */
export interface CreateMessage {
  readonly options: CreateOptions | null
}

interface CreateOptions extends FollowingMessage {
  readonly all?: (FollowingMessage['all'] & { readonly filter?: FilterMessage | null }) | null
}

interface FilterMessage {
  readonly streamIdentifier?: ExpressionMessage | null
  readonly eventType?: ExpressionMessage | null
}

interface ExpressionMessage {
  readonly regex: string
  readonly prefix: readonly string[]
}

/** Creates a persistent subscription. */
export async function create(parts: AdministerParts, { options }: CreateMessage, signal: AbortSignal): Promise<void> {
  if (!options) throw badRequest('The request has no options.')
  const { store, newId } = parts
  const following = followingFrom(options)
  const { name } = following
  const id = newId()
  const notes: Notes = {
    stream: name.stream ?? null,
    group: name.group,
    filter: filterIn(options.all?.filter ?? null),
    startFrom: startFromOf(name, following.from),
    settings: settingsOf(name, options),
    created: id,
    changed: id,
  }
  const followed = followedBy(notes)
  const from = await placeFor(parts, following, signal)
  const given = { ...groupSettingsFor(notes.settings), notes: keptNotes(notes) }
  await inWordsOfClients(name, createGroup(store, groupNameOf(name), { ...given, ...followed, from, newId, signal }))
}

/** Changes the settings of a persistent subscription; its consumers are dropped. What it follows stays. */
export async function update(parts: AdministerParts, { options }: CreateMessage, signal: AbortSignal): Promise<void> {
  if (!options) throw badRequest('The request has no options.')
  const following = followingFrom(options)
  const { name } = following
  const { notes: before, summary } = await loadSubscription(parts.store, name, signal)
  const settings = settingsOf(name, options)
  const startFrom = startFromOf(name, following.from)
  const notes: Notes = { ...before, settings, startFrom, changed: parts.newId() }
  const from = startFrom === before.startFrom ? undefined : await placeFor(parts, following, signal)
  const group = groupNameOf(name)
  const store = parts.connections.sourceOf(group)?.store ?? parts.store
  const given = { ...groupSettingsFor(settings), notes: keptNotes(notes), ...(from !== undefined && { from }) }
  await inWordsOfClients(name, updateGroup(store, group, { ...given, signal }))
  if (summary.stopped !== undefined) await inWordsOfClients(name, startGroup(store, group))
}

function settingsOf(name: FollowingFrom['name'], { settings }: CreateOptions): SubscriptionSettings {
  if (!settings) throw badRequest('The request has no settings.')
  const found = settingsIn(settings)
  if ('problem' in found) throw failed(name, found.problem)
  return found
}

function filterIn(filter: FilterMessage | null): FilterText | null {
  if (filter === null) return null
  const expression = filter.streamIdentifier ?? filter.eventType
  if (!expression) throw badRequest('The filter says neither stream_identifier nor event_type.')
  const { regex, prefix } = expression
  return { on: filter.streamIdentifier ? 'stream' : 'type', regex, prefixes: regex === '' ? prefix : [] }
}

/** Deletes a persistent subscription with its parked events; its consumers end. */
export async function remove(
  { store, connections }: AdministerParts,
  { options }: { readonly options: NamedIn | null },
  signal: AbortSignal,
): Promise<void> {
  const name = nameIn(options ?? { groupName: '' })
  await loadSubscription(store, name, signal)
  const group = groupNameOf(name)
  await inWordsOfClients(name, deleteGroup(connections.sourceOf(group)?.store ?? store, group))
}

/** A request of ReplayParked. */
export interface ReplayMessage {
  readonly options: (NamedIn & { readonly stopAt?: number }) | null
}

/** Delivers parked events again: all of them, or the first so many. */
export async function replay(
  { store, connections }: AdministerParts,
  { options }: ReplayMessage,
  signal: AbortSignal,
): Promise<void> {
  const name = nameIn(options ?? { groupName: '' })
  await loadSubscription(store, name, signal)
  const stopAt = options?.stopAt ?? Number.MAX_SAFE_INTEGER
  if (stopAt < 0) throw badRequest('stop_at is below 0.')
  const group = groupNameOf(name)
  const countMax = Math.min(stopAt, Number.MAX_SAFE_INTEGER)
  const replaying = replayParked(connections.sourceOf(group)?.store ?? store, group, { positions: 'first', countMax })
  await inWordsOfClients(name, replaying)
}

/** Ends all consumers of this server, and starts what was stopped. */
export async function restart({ store, connections }: AdministerParts, signal: AbortSignal): Promise<void> {
  const names = new Map<string, SubscriptionName>()
  for await (const { notes, summary } of savedSubscriptions(store, signal)) {
    names.set(summary.group, { stream: notes.stream ?? undefined, group: notes.group })
    if (summary.stopped !== undefined) await startGroup(store, summary.group)
  }
  connections.dropAll((group) => {
    const name = names.get(group) ?? { stream: undefined, group }
    return dropped(name, 'persistent subscriptions were restarted. Subscribe again.')
  })
}
