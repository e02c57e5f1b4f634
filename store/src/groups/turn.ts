import { limits } from '../model/limits.ts'
import type { Failure, GroupEffect, GroupInput } from './group.ts'
import type { ConsumerNumbers, Group } from './group-state.ts'
import type { Pull, Tidied } from './parking.ts'
import type { ReadEvent } from './read-ahead.ts'
import { placesIn, type Verdict } from './verdicts.ts'

/** What one write of a member says. */
export interface Turn {
  readonly member: string
  readonly isJoined: boolean
  readonly isLeaving: boolean
  readonly beats: number
  readonly consumers: readonly ConsumerNumbers[]
  readonly verdicts: readonly Verdict[]
  readonly lost: readonly string[]
  readonly tidied: Tidied
  readonly pull: Pull | undefined
  readonly hold: HoldOfEvents | undefined
}

/** A wish for more, with the events that were read. */
interface HoldOfEvents extends Extract<GroupInput, { kind: 'hold' }> {
  readonly ahead: { readonly events: readonly ReadEvent[]; readonly through: number }
}

/** A turn as the machine takes it, in the order in which things are said. */
export function inputsOf(turn: Turn): readonly GroupInput[] {
  const { member, beats, consumers, verdicts, lost, tidied, pull, hold } = turn
  const inputs: GroupInput[] = []
  if (!turn.isJoined) inputs.push({ kind: 'join', member })
  inputs.push({ kind: 'beat', member, beats, consumers })
  for (const as of ['acked', 'skipped'] as const) {
    const places = placesOf(verdicts, ({ says }) => says.kind === 'finish' && says.as === as)
    if (places.length > 0) inputs.push({ kind: 'finish', member, places, as })
  }
  for (const kind of ['fail', 'park'] as const) {
    const failures = verdicts.flatMap(({ held, says }): readonly Failure[] =>
      says.kind === kind ? [{ place: held.place, reason: says.reason }] : [],
    )
    if (failures.length > 0) inputs.push({ kind, member, failures })
  }
  for (const as of ['unused', 'failed'] as const) {
    const places = placesOf(verdicts, ({ says }) => says.kind === 'release' && says.as === as)
    if (places.length > 0) inputs.push({ kind: 'release', member, places, as })
  }
  for (const { held, says } of verdicts) {
    if (says.kind === 'stop') inputs.push({ kind: 'stop', member, place: held.place, reason: says.reason })
  }
  if (tidied.done.length + tidied.dropped.length > 0) inputs.push({ kind: 'tidied', ...tidied })
  if (turn.isLeaving) return [...inputs, { kind: 'leave', member }]
  inputs.push(...lost.map((id): GroupInput => ({ kind: 'lose', member: id })))
  if (pull !== undefined) inputs.push({ kind: 'pull', ...pull })
  if (hold !== undefined) inputs.push(hold)
  return inputs
}

/** A write, and what comes of it when it goes through. */
export interface Attempt {
  readonly turn: Turn
  readonly group: Group
  readonly effects: readonly GroupEffect[]
  readonly startedMs: number
  /** The version it replaces. */
  readonly over: number
}

/** What is known when a write is weighed. */
export interface Weighing {
  readonly nowMs: number
  /** The group as it is without the write. */
  readonly before: Group
  /** When a sign of life is due. */
  readonly beatMs: number
  /** The consumers that the group knows of, as {@link namesOf} gives them. */
  readonly knownConsumers: string
  /** Whether a consumer waits for an event. */
  readonly isHungry: boolean
  /** How many events are worth having ready. */
  readonly readyMax: number
}

/** Whether a write says something that should not wait. */
export function isWorthwhile(attempt: Attempt, weighing: Weighing): boolean {
  const { turn, group, effects } = attempt
  const { nowMs, before, beatMs, knownConsumers, isHungry, readyMax } = weighing
  const { tidied } = turn
  if (!turn.isJoined || turn.isLeaving || nowMs >= beatMs) return true
  if (turn.lost.length + tidied.done.length + tidied.dropped.length > 0) return true
  if (group.replays !== before.replays || group.chores.length !== before.chores.length) return true
  if (namesOf(turn.consumers) !== knownConsumers) return true
  const said = saidIn(attempt)
  const acks = said.filter(({ says }) => says.kind === 'finish')
  const isDeserted = turn.hold === undefined
  if (acks.length < said.length || (isDeserted && said.length > 0)) return true
  if (said.some(({ isAwaited }) => isAwaited)) return true
  if (acks.length >= group.settings.checkpointEvents || nowMs >= savedAtMs(attempt)) return true
  // Of a group with a filter the rest of the store passes by: where it has come to is noted now and then.
  if (group.reached - before.reached >= limits.pageEvents) return true
  // Before a consumer waits it is worth a write to get half of what should be ready: event by event would be a write each.
  const held = effects.reduce((sum, effect) => sum + (effect.kind === 'held' ? effect.events.length : 0), 0)
  return held > 0 && (isHungry || held * 2 >= Math.min(readyMax, group.settings.inFlightMax))
}

/** When the first of the acks that a write would save has to be saved. */
export function savedAtMs(attempt: Attempt): number {
  const [first] = saidIn(attempt)
  return first === undefined ? Number.POSITIVE_INFINITY : first.saidMs + attempt.group.settings.checkpointMs
}

/** Words that a write makes known; others wait until chores are done. */
function saidIn({ turn, effects }: Attempt): readonly Verdict[] {
  const deferred = placesIn(effects, 'deferred')
  return deferred.size === 0 ? turn.verdicts : turn.verdicts.filter(({ held }) => !deferred.has(held.place))
}

/** When the group is looked at again, although nothing is to be written. */
export interface NextLook {
  readonly atMs: number
  readonly pauseMs: number
}

const lookMinMs = 50
const lookMaxMs = 1_000

/** Signs of life are enough. */
export const noLook: NextLook = { atMs: Number.POSITIVE_INFINITY, pauseMs: lookMinMs }

/** What others give back is not announced: while a consumer waits for it, one looks, less and less often. */
export function nextLook(
  { pauseMs: before }: NextLook,
  { nowMs, isNews, isWaiting }: { readonly nowMs: number; readonly isNews: boolean; readonly isWaiting: boolean },
): NextLook {
  if (!isWaiting) return noLook
  const pauseMs = isNews ? lookMinMs : Math.min(before * 2, lookMaxMs)
  return { atMs: nowMs + pauseMs, pauseMs }
}

/** Consumers, for comparing. */
export function namesOf(consumers: readonly ConsumerNumbers[]): string {
  return JSON.stringify(consumers.map(({ name }) => name))
}

function placesOf(verdicts: readonly Verdict[], matches: (verdict: Verdict) => boolean): readonly number[] {
  return verdicts.filter(matches).map(({ held }) => held.place)
}
