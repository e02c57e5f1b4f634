import type { Errands } from './errands.ts'
import type { Holdings } from './holdings.ts'
import type { Membership } from './membership.ts'
import type { Seats } from './seats.ts'
import type { Supply } from './supply.ts'
import type { Turn, Weighing } from './turn.ts'
import type { Verdicts } from './verdicts.ts'

/** What a member consists of. */
export interface MemberParts {
  readonly membership: Membership
  readonly seats: Seats
  readonly holdings: Holdings
  readonly verdicts: Verdicts
  readonly errands: Errands
  readonly supply: Supply
}

/** Everything that a member has to say now. */
export function turnOf({ membership, seats, holdings, verdicts, errands, supply }: MemberParts, nowMs: number): Turn {
  const { id, isJoined, nextBeats, lostOthers, group } = membership
  const isDeserted = seats.all.length === 0
  const hasChores = group.chores.some(({ member }) => member === id)
  const hold = { member: id, room: holdings.room(nowMs), isIdle: holdings.isIdle, ahead: supply.ahead }
  return {
    member: id,
    isJoined,
    isLeaving: isDeserted && !hasChores && verdicts.isSilent,
    beats: nextBeats,
    consumers: seats.numbers(),
    verdicts: verdicts.pending,
    lost: lostOthers,
    tidied: errands.tidied,
    pull: errands.pulled(group),
    hold: isDeserted ? undefined : { kind: 'hold', ...hold },
  }
}

/** What is known when the turn is weighed. */
export function weighingOf({ membership, seats }: MemberParts, nowMs: number): Omit<Weighing, 'knownConsumers'> {
  const { group: before } = membership
  const beatMs = membership.beatMs(nowMs)
  return { nowMs, before, beatMs, isHungry: seats.asking.length > 0, readyMax: seats.readyMax(nowMs) }
}

/**
 * Whether an ack is worth a turn of the loop. Most only join those that are written later: a turn costs more than an ack,
 * so that every so many are looked at together.
 */
export function isPressing({ membership, verdicts, seats }: MemberParts, nowMs: number): boolean {
  const { checkpointEvents, checkpointMs, inFlightMax } = membership.group.settings
  const { count } = verdicts
  const lookEvents = Math.ceil(Math.min(seats.readyMax(nowMs), inFlightMax, checkpointEvents) / 4)
  return count === 1 || checkpointMs === 0 || count % lookEvents === 0 || seats.asking.length > 0
}
