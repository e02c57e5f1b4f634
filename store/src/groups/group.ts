/**
 * A consumer group as a pure machine: no clock, no I/O.
 *
 * beyond > (hold) > held > (finish) > finished
 *                   held > (fail) > held, for its next attempt; parked when that was the last one
 *                   held > (park) > a chore > (tidied) > parked > (replay, pull) > free
 *                   held > (release, leave, lose) > free > (hold) > held
 *
 * Invariants: everything up to `reached` is unfinished, a chore, parked or finished, and nothing beyond is; an event is
 * held by one member at the most, and only that one says what becomes of it; of one key only the first that is unfinished
 * is held; what is parked is on the shelf before the group forgets it; the checkpoint never goes back.
 */
import type { GroupSettings } from '../model/consumer-group.ts'
import { limits } from '../model/limits.ts'
import {
  type ConsumerNumbers,
  choreRoom,
  type Group,
  type Member,
  type Replay,
  type Unfinished,
  withChores,
} from './group-state.ts'
import { type Hold, hold } from './holding.ts'
import { type Discard, discarded, type Pull, pulled, type Tidied, tidied } from './parking.ts'

/** What happened. All but the last five come from a member. */
export type GroupInput =
  | { readonly kind: 'join'; readonly member: string }
  | {
      readonly kind: 'beat'
      readonly member: string
      readonly beats: number
      readonly consumers: readonly ConsumerNumbers[]
    }
  | { readonly kind: 'leave'; readonly member: string }
  | ({ readonly kind: 'hold' } & Hold)
  | {
      readonly kind: 'finish'
      readonly member: string
      readonly places: readonly number[]
      readonly as: 'acked' | 'skipped'
    }
  /** Could not be handled; comes again after a while, or is parked when it has no attempt left. */
  | { readonly kind: 'fail'; readonly member: string; readonly failures: readonly Failure[] }
  | { readonly kind: 'park'; readonly member: string; readonly failures: readonly Failure[] }
  /** Is given back; as a failed attempt when it had been handed out. */
  | {
      readonly kind: 'release'
      readonly member: string
      readonly places: readonly number[]
      readonly as: 'unused' | 'failed'
    }
  | { readonly kind: 'stop'; readonly member: string; readonly place: number; readonly reason: string }
  | { readonly kind: 'lose'; readonly member: string }
  | ({ readonly kind: 'tidied' } & Tidied)
  | ({ readonly kind: 'pull' } & Pull)
  | { readonly kind: 'replay'; readonly replays: readonly Replay[] }
  | ({ readonly kind: 'discard' } & Discard)
  | { readonly kind: 'halt'; readonly reason: string }
  | { readonly kind: 'start' }
  | { readonly kind: 'update'; readonly settings: GroupSettings; readonly reached?: number | undefined }

/** An event that could not be handled, and why. */
export interface Failure {
  readonly place: number
  readonly reason: string
}

/** What follows for whoever asked. */
export type GroupEffect =
  | { readonly kind: 'held'; readonly events: readonly Unfinished[] }
  /** Not this member's to say. */
  | { readonly kind: 'refused'; readonly places: readonly number[] }
  /** No room among the chores; say it again. */
  | { readonly kind: 'deferred'; readonly places: readonly number[] }
  /** Too many members, or these consumers are too many. */
  | { readonly kind: 'full'; readonly consumers: readonly string[] }

/** A group after something happened. */
export interface GroupStep {
  readonly group: Group
  readonly effects: readonly GroupEffect[]
}

/** One step of the machine. */
export function step(group: Group, input: GroupInput): GroupStep {
  switch (input.kind) {
    case 'join':
      return join(group, input.member)
    case 'beat':
      return beat(group, input)
    case 'leave':
      return without(group, input.member, released)
    case 'lose':
      return without(group, input.member, lost)
    case 'hold':
      return isMember(group, input.member) ? hold(group, input) : { group, effects: [] }
    case 'finish':
      return finish(group, input)
    case 'fail':
    case 'park':
      return fail(group, input)
    case 'release': {
      const change = input.as === 'failed' ? (event: Unfinished) => released(failed(event)) : released
      return changed(group, input.member, input.places, change)
    }
    case 'stop': {
      const { place, reason } = input
      const { group: next, effects } = changed(group, input.member, [place], released)
      return { group: effects.length > 0 ? group : { ...next, stopped: { place, reason } }, effects }
    }
    case 'tidied':
      return quietly(tidied(group, input))
    case 'pull':
      return quietly(pulled(group, input))
    case 'replay':
      return quietly({ ...group, replays: [...group.replays, ...input.replays] })
    case 'discard':
      return quietly(discarded(group, input))
    case 'halt':
      return quietly({ ...group, stopped: { reason: input.reason, place: undefined } })
    case 'start':
      return quietly({ ...group, stopped: undefined })
    case 'update':
      return quietly(updated(group, input))
  }
}

function quietly(group: Group): GroupStep {
  return { group, effects: [] }
}

function isMember(group: Group, member: string): boolean {
  return group.members.some(({ id }) => id === member)
}

function join(group: Group, member: string): GroupStep {
  if (isMember(group, member)) return quietly(group)
  if (group.members.length >= limits.groupMembers) return { group, effects: [{ kind: 'full', consumers: [] }] }
  return quietly({ ...group, members: [...group.members, { id: member, beats: 0, consumers: [] }] })
}

/** A sign of life. Consumers that would be more than there may be are left out, those of this member that came last. */
function beat(group: Group, { member, beats, consumers }: Extract<GroupInput, { kind: 'beat' }>): GroupStep {
  if (!isMember(group, member)) return quietly(group)
  const others = group.members.filter(({ id }) => id !== member)
  const taken = others.reduce((sum, other) => sum + other.consumers.length, 0)
  const admitted = consumers.slice(0, Math.max(group.settings.consumersMax - taken, 0))
  const full = consumers.slice(admitted.length).map(({ name }) => name)
  const change = (one: Member): Member => (one.id === member ? { ...one, beats, consumers: admitted } : one)
  return {
    group: { ...group, members: group.members.map(change) },
    effects: full.length > 0 ? [{ kind: 'full', consumers: full }] : [],
  }
}

function without(group: Group, member: string, change: (event: Unfinished) => Unfinished): GroupStep {
  return quietly({
    ...group,
    members: group.members.filter(({ id }) => id !== member),
    unfinished: group.unfinished.map((event) => (event.holder === member ? change(event) : event)),
  })
}

function released(event: Unfinished): Unfinished {
  return { ...event, holder: undefined }
}

function failed(event: Unfinished): Unfinished {
  return { ...event, attempts: event.attempts + 1 }
}

/** Nobody knows how far its member had come with it: that counts as an attempt. */
function lost(event: Unfinished): Unfinished {
  return { ...released(failed(event)), losses: event.losses + 1 }
}

/** Changes events that the member holds; undefined takes one out. */
function changed(
  group: Group,
  member: string,
  places: readonly number[],
  change: (event: Unfinished) => Unfinished | undefined,
): GroupStep {
  const named = new Set(places)
  const unfinished = group.unfinished.flatMap((event) => {
    if (event.holder !== member || !named.delete(event.place)) return [event]
    return change(event) ?? []
  })
  const effects: readonly GroupEffect[] = named.size > 0 ? [{ kind: 'refused', places: [...named] }] : []
  return { group: { ...group, unfinished }, effects }
}

function finish(group: Group, { member, places, as }: Extract<GroupInput, { kind: 'finish' }>): GroupStep {
  const replayed: (Unfinished & { readonly reason: string })[] = []
  const deferred: number[] = []
  let finished = 0
  const { group: next, effects } = changed(group, member, places, (event) => {
    if (event.isReplayed && replayed.length === choreRoom(group)) {
      deferred.push(event.place)
      return event
    }
    // What lay parked still has its entry on the shelf, which goes once nobody can park it again.
    if (event.isReplayed) replayed.push({ ...event, reason: '' })
    finished++
    return undefined
  })
  const counts = { ...next.counts, [as]: next.counts[as] + finished }
  return {
    group: withChores({ ...next, counts }, 'remove', replayed, member),
    effects: withDeferred(effects, deferred),
  }
}

function fail(group: Group, input: Extract<GroupInput, { kind: 'fail' | 'park' }>): GroupStep {
  const { member, failures } = input
  const reasons = new Map(failures.map(({ place, reason }) => [place, reason]))
  const parked: (Unfinished & { readonly reason: string })[] = []
  const deferred: number[] = []
  const { group: next, effects } = changed(group, member, [...reasons.keys()], (event) => {
    const after = failed(event)
    if (input.kind === 'fail' && after.attempts <= group.settings.retriesMax) return after
    if (parked.length === choreRoom(group)) {
      deferred.push(event.place)
      return event
    }
    parked.push({ ...after, reason: reasons.get(event.place) ?? '' })
    return undefined
  })
  return { group: withChores(next, 'park', parked, member), effects: withDeferred(effects, deferred) }
}

function withDeferred(effects: readonly GroupEffect[], places: readonly number[]): readonly GroupEffect[] {
  return places.length > 0 ? [...effects, { kind: 'deferred', places }] : effects
}

/** Whether nothing has come of any event, so that it may as well begin elsewhere. */
function isUntouched({ unfinished, chores, replays, counts }: Group): boolean {
  const isEmpty = unfinished.length + chores.length + replays.length === 0
  return isEmpty && counts.acked + counts.skipped + counts.parked === 0
}

/** What keys came to is not known any more once they are made in another way. */
function updated(group: Group, { settings, reached }: Extract<GroupInput, { kind: 'update' }>): Group {
  const { strategy, pinnedBy } = group.settings
  const areSameKeys = strategy === settings.strategy && pinnedBy === settings.pinnedBy
  const forget = (event: Unfinished): Unfinished => ({ ...event, key: undefined })
  const begun = reached !== undefined && isUntouched(group) ? reached : group.reached
  return {
    ...group,
    settings,
    reached: begun,
    unfinished: areSameKeys ? group.unfinished : group.unfinished.map(forget),
  }
}
