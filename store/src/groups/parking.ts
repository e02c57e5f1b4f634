/**
 * How events come to be parked and come back, as part of the machine in `group.ts`.
 *
 * What is decided is a chore first and is done on the shelf then, so that a crash in between leaves it to be done by
 * others; an entry among the parked events is written before the group forgets the event, and goes once nobody can park
 * the event again.
 */
import { limits } from '../model/limits.ts'
import { type Chore, type Group, type Unfinished, withChores } from './group-state.ts'

/** Chores by their numbers: done, or dropped because there was no event any more to park. */
export interface Tidied {
  readonly done: readonly number[]
  readonly dropped: readonly number[]
}

/** Parked events that are wanted back. */
export interface Pull {
  /** The place that the first replay has come to. */
  readonly after: number
  /** All that lie parked between the two places are among the events. */
  readonly through: number
  /** How often parked events had been thrown away when these were looked for. */
  readonly discards: number
  readonly events: readonly { readonly place: number; readonly key: number | undefined }[]
}

/** Parked events that nobody wants. */
export interface Discard {
  /** Who takes them away. */
  readonly member: string
  readonly places: readonly number[]
}

/** The group once chores are struck off. */
export function tidied(group: Group, { done, dropped }: Tidied): Group {
  const isIn = (numbers: readonly number[]): Chore[] =>
    group.chores.filter(({ number, kind }) => kind === 'park' && numbers.includes(number))
  const { counts } = group
  return {
    ...group,
    chores: group.chores.filter(({ number }) => !done.includes(number) && !dropped.includes(number)),
    counts: {
      ...counts,
      parked: counts.parked + isIn(done).length,
      skipped: counts.skipped + isIn(dropped).length,
    },
  }
}

/** Takes parked events in as unfinished ones, as far as there is room. */
export function pulled(group: Group, { after, through, discards, events }: Pull): Group {
  const [first, ...later] = group.replays
  if (first === undefined || first.after !== after || group.discards !== discards) return group
  const candidates = events.filter(({ place }) => place > after && place <= first.through && isParked(group, place))
  const room = Math.max(group.settings.inFlightMax - group.unfinished.length, 0)
  const taken = candidates.slice(0, room).map(({ place, key }): Unfinished => {
    return { place, key, attempts: 0, losses: 0, holder: undefined, isReplayed: true }
  })
  const reached = taken.length < candidates.length ? (taken.at(-1)?.place ?? after) : through
  if (reached === after) return group
  return {
    ...group,
    unfinished: [...group.unfinished, ...taken].sort((a, b) => a.place - b.place),
    replays: reached >= first.through ? later : [{ ...first, after: reached }, ...later],
    counts: withoutParked(group.counts, taken.length),
  }
}

/** Throws parked events away: so many at a time as there may be other chores, which wait for none of these. */
export function discarded(group: Group, { member, places }: Discard): Group {
  const taken = places.filter((place) => isParked(group, place)).slice(0, limits.groupChores)
  const nobodys = { key: undefined, attempts: 0, isReplayed: true, reason: '' }
  const events = taken.map((place) => ({ place, ...nobodys }))
  const counts = withoutParked(group.counts, taken.length)
  return withChores({ ...group, counts, discards: group.discards + 1 }, 'remove', events, member)
}

/** Whether what has an entry among the parked events is parked, and not on its way out again, or not yet in. */
function isParked({ unfinished, chores }: Group, place: number): boolean {
  return ![...unfinished, ...chores].some((event) => event.place === place)
}

function withoutParked(counts: Group['counts'], count: number): Group['counts'] {
  return { ...counts, parked: Math.max(counts.parked - count, 0) }
}
