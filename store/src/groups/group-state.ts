/**
 * What a consumer group is, as a value: one entry of the shelf holds all of it. Places are positions, or versions where
 * one stream is followed.
 */
import type { GroupSettings } from '../model/consumer-group.ts'
import { limits } from '../model/limits.ts'

/** A consumer group. */
export interface Group {
  /** Another one for every group that is created, also under a name that was used before. */
  readonly id: string
  readonly settings: GroupSettings
  /** Everything up to here was taken in: it is unfinished, about to be parked, or finished. */
  readonly reached: number
  /** In the order of their places. */
  readonly unfinished: readonly Unfinished[]
  /** What has been decided and is not yet done on the shelf. */
  readonly chores: readonly Chore[]
  /** How many chores there ever were. */
  readonly choresMade: number
  /** How often parked events were thrown away: what was found among them before may be gone. */
  readonly discards: number
  /** Parked events that are to be delivered again. */
  readonly replays: readonly Replay[]
  /** In the order in which they joined. */
  readonly members: readonly Member[]
  readonly counts: GroupCounts
  readonly stopped: Stopped | undefined
}

/** An event that was taken in and is not finished. */
export interface Unfinished {
  readonly place: number
  /** Deliveries that failed. */
  readonly attempts: number
  /** How often the member that held it was lost. */
  readonly losses: number
  /** What the event's key comes to, of a pinned group; undefined when it is not known. */
  readonly key: number | undefined
  /** The member that has it; undefined when nobody has. */
  readonly holder: string | undefined
  /** True of an event that lay parked. It is on the shelf until it is finished, and holds no checkpoint back. */
  readonly isReplayed: boolean
}

/** A program that takes part in a group, with all of its consumers. */
export interface Member {
  readonly id: string
  /** Rises with each write of the member: a sign of life, and what tells it whether a write went through. */
  readonly beats: number
  readonly consumers: readonly ConsumerNumbers[]
}

/** A consumer, as its member last saw it. */
export interface ConsumerNumbers {
  readonly name: string
  /** Events that it may have at a time. */
  readonly bufferEvents: number
  readonly inFlight: number
  readonly finished: number
  /** Events finished per second, lately. */
  readonly perSecond: number
}

/** Something to do on the shelf for an event that was decided about: put it with the parked ones, or take it away. */
export interface Chore {
  /** Another one for every chore of the group: who comes late with one that others have done strikes off no other. */
  readonly number: number
  readonly kind: 'park' | 'remove'
  readonly place: number
  readonly key: number | undefined
  readonly isReplayed: boolean
  /** Who does it; when that one is gone, anyone. */
  readonly member: string
  readonly attempts: number
  readonly reason: string
}

/** Parked events that are wanted back. */
export interface Replay {
  /** Everything up to here was taken. */
  readonly after: number
  /** The last one wanted. */
  readonly through: number
}

/** How many events came to which end. */
export interface GroupCounts {
  readonly acked: number
  readonly skipped: number
  /** Those that are parked now. */
  readonly parked: number
}

/** Why a group does not deliver. */
export interface Stopped {
  readonly reason: string
  /** The event a consumer stopped at; undefined when an operator stopped the group. */
  readonly place: number | undefined
}

/**
 * Everything up to here is finished for good. It never passes an event that is not, however many after it are; events
 * that are replayed were finished once, and hold nothing back.
 */
export function checkpointOf(group: Group): number {
  const open = group.unfinished.find(({ isReplayed }) => !isReplayed)?.place ?? Number.POSITIVE_INFINITY
  return Math.min(group.reached, open - 1, ...parkingOf(group).map(({ place }) => place - 1))
}

/** Events that are about to be parked: not finished until they lie with the parked ones. */
export function parkingOf({ chores }: Group): readonly Chore[] {
  return chores.filter(({ kind, isReplayed }) => kind === 'park' && !isReplayed)
}

/** Chores that have come up for events. */
export function withChores(
  group: Group,
  kind: Chore['kind'],
  events: readonly (Omit<Unfinished, 'losses' | 'holder'> & { readonly reason: string })[],
  member: string,
): Group {
  const chores = events.map(({ place, key, isReplayed, attempts, reason }, index): Chore => {
    return { number: group.choresMade + index + 1, kind, place, key, isReplayed, member, attempts, reason }
  })
  return { ...group, chores: [...group.chores, ...chores], choresMade: group.choresMade + chores.length }
}

/** How many more chores there may be. */
export function choreRoom({ chores }: Group): number {
  return Math.max(limits.groupChores - chores.length, 0)
}

/** A group that nobody has joined, before its first event. */
export function newGroup(id: string, settings: GroupSettings, reached: number): Group {
  const counts = { acked: 0, skipped: 0, parked: 0 }
  const nothing = { unfinished: [], chores: [], choresMade: 0, discards: 0, replays: [], members: [] }
  return { id, settings, reached, ...nothing, counts, stopped: undefined }
}
