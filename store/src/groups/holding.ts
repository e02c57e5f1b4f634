/**
 * Which events a member may hold next, as part of the machine in `group.ts`.
 *
 * An event whose member was lost twice is suspected of bringing programs down. It is held alone, so that it takes no
 * other event with it until it has no attempt left and is parked.
 */
import { choreRoom, type Group, type Unfinished, withChores } from './group-state.ts'

/** A member that wants to hold more. */
export interface Hold {
  readonly member: string
  /** How many more. */
  readonly room: number
  /** Whether none of the events it holds is on its way to a consumer. */
  readonly isIdle: boolean
  readonly ahead: Ahead
}

/** What a member has read beyond what was taken in. */
export interface Ahead {
  /** In the order of their places. */
  readonly events: readonly { readonly place: number; readonly key: number | undefined }[]
  /** Everything up to here is in `events`, or is none of the group's. */
  readonly through: number
}

/** Losses after which an event is held alone. */
const suspiciousLosses = 2

/** Whether an event is suspected of bringing programs down. */
export function isSuspect({ losses }: Pick<Unfinished, 'losses'>): boolean {
  return losses >= suspiciousLosses
}

/** Gives a member the first events that are free, then those it read ahead. */
export function hold(
  before: Group,
  { member, room, isIdle, ahead }: Hold,
): { readonly group: Group; readonly effects: readonly { kind: 'held'; events: readonly Unfinished[] }[] } {
  const group = withoutExhausted(before, member)
  const isAlone = !isIdle && group.unfinished.some((event) => event.holder === member && isSuspect(event))
  if (group.stopped !== undefined || isAlone || !isServed(group, member)) return { group, effects: [] }
  const admits = admission(group, member)
  const { retriesMax } = group.settings
  const free = group.unfinished.filter(
    (event) => event.holder === undefined && admits(event) && event.attempts <= retriesMax,
  )
  const suspect = free.find(isSuspect)
  const chosen = suspect === undefined ? free.slice(0, room) : isIdle ? [suspect] : []
  const places = new Set(chosen.map(({ place }) => place))
  const unfinished = group.unfinished.map((event) => (places.has(event.place) ? { ...event, holder: member } : event))
  if (suspect !== undefined) return heldBy(member, { ...group, unfinished }, places)

  let left = room - chosen.length
  let { reached } = group
  const news = ahead.events.filter(({ place }) => place > group.reached)
  for (const { place, key } of news) {
    if (left === 0 || unfinished.length >= group.settings.inFlightMax) {
      return heldBy(member, { ...group, unfinished, reached }, places)
    }
    const isMine = admits({ key })
    if (isMine) {
      left--
      places.add(place)
    }
    const holder = isMine ? member : undefined
    unfinished.push({ place, attempts: 0, losses: 0, key, holder, isReplayed: false })
    reached = place
  }
  return heldBy(member, { ...group, unfinished, reached: Math.max(reached, ahead.through) }, places)
}

function heldBy(member: string, group: Group, places: ReadonlySet<number>): ReturnType<typeof hold> {
  if (places.size === 0) return { group, effects: [] }
  const events = group.unfinished.filter((event) => places.has(event.place) && event.holder === member)
  return { group, effects: [{ kind: 'held', events }] }
}

/**
 * Whether there may be events for a member. Of a group that gives all of them to one consumer, or as many as it has room
 * for, the members that have been there longer come first.
 */
export function isServed({ settings, members, unfinished }: Group, member: string): boolean {
  if (settings.strategy === 'single') return members[0]?.id === member
  if (settings.strategy !== 'overflow') return true
  const before = members.slice(
    0,
    members.findIndex(({ id }) => id === member),
  )
  return before.every(({ id, consumers }) => {
    const room = consumers.reduce((sum, { bufferEvents }) => sum + bufferEvents, 0)
    return unfinished.filter(({ holder }) => holder === id).length >= room
  })
}

/** Says which events may be held: those whose key is the member's, where keys keep to their consumers, and in turn. */
function admission(group: Group, member: string): (event: Pick<Unfinished, 'key'>) => boolean {
  if (group.settings.strategy !== 'sticky') return keyOrder(group)
  const owners = group.members.flatMap(({ id, consumers }) => consumers.map(() => id))
  return ({ key }) => key === undefined || owners.length === 0 || owners[key % owners.length] === member
}

/**
 * Says, asked in the order of places, which events may be held so that of one key it is only ever the first unfinished
 * one. A key that is not known may be any.
 */
function keyOrder({ settings, unfinished }: Group): (event: Pick<Unfinished, 'key'>) => boolean {
  if (settings.strategy !== 'pinned') return () => true
  const held = unfinished.filter(({ holder }) => holder !== undefined)
  const taken = new Set(held.map(({ key }) => key))
  return ({ key }) => {
    const isFirst = key === undefined ? taken.size === 0 : !taken.has(undefined) && !taken.has(key)
    taken.add(key)
    return isFirst
  }
}

/** Events that are free and have no attempt left are parked by whoever comes by: their own members were lost. */
function withoutExhausted(group: Group, member: string): Group {
  const { retriesMax } = group.settings
  const exhausted = group.unfinished
    .filter(({ holder, attempts }) => holder === undefined && attempts > retriesMax)
    .slice(0, choreRoom(group))
  if (exhausted.length === 0) return group
  const places = new Set(exhausted.map(({ place }) => place))
  const unfinished = group.unfinished.filter(({ place }) => !places.has(place))
  const parked = exhausted.map((event) => ({ ...event, reason: reasonFor(event) }))
  return withChores({ ...group, unfinished }, 'park', parked, member)
}

function reasonFor({ losses, attempts }: Unfinished): string {
  if (losses === 0) return 'Its consumer left without a word on it.'
  return `The program that had it was lost, in ${losses} of ${attempts} deliveries.`
}
