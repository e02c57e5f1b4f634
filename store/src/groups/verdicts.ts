import type { GroupSettings } from '../model/consumer-group.ts'
import { limits } from '../model/limits.ts'
import type { GroupEffect } from './group.ts'
import type { Group, Unfinished } from './group-state.ts'
import type { Held } from './held.ts'

/** What is said of an event that was held. */
export type Says =
  | { readonly kind: 'finish'; readonly as: 'acked' | 'skipped' }
  | { readonly kind: 'fail'; readonly reason: string; readonly delayMs?: number | undefined }
  | { readonly kind: 'park'; readonly reason: string }
  | { readonly kind: 'stop'; readonly reason: string }
  | { readonly kind: 'release'; readonly as: 'unused' | 'failed' }

/** How long an event waits before it comes again, after so many failures. */
export function retryMs(
  { delayMs }: Extract<Says, { kind: 'fail' }>,
  failures: number,
  { retryDelayMs }: GroupSettings,
): number {
  return Math.min(delayMs ?? retryDelayMs * 2 ** (failures - 1), limits.groupRetryMs)
}

/** Whether the next attempt of an event is to follow at once, if it has one left. */
export function comesAtOnce(says: Says, { attempt }: Held, settings: GroupSettings): boolean {
  return says.kind === 'fail' && retryMs(says, attempt, settings) === 0
}

/** A word on an event, until the group knows it. */
export interface Verdict {
  readonly held: Held
  readonly says: Says
  readonly saidMs: number
  /** Whether somebody waits for it to be known: it is written at once then. */
  isAwaited: boolean
  /** Settles when it is known. Nobody has to wait for it. */
  readonly known: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** A word as its consumer sees it. */
export interface Word {
  /** Whether the consumer may take it for said: only a crash, or the store's end, can undo it. */
  readonly isNoted: boolean
  /** Settles when the group knows it, which is seen to at once. */
  readonly saved: () => Promise<void>
}

/** A word on what is not its consumer's any more. */
export function refusedWord(error: Error): Word {
  const refused = Promise.reject(error)
  refused.catch(() => undefined)
  return { isNoted: false, saved: () => refused }
}

/** A write that went through. */
export interface LandedTurn {
  readonly turn: { readonly member: string; readonly verdicts: readonly Verdict[] }
  readonly group: Group
  readonly effects: readonly GroupEffect[]
}

/** What becomes of a verdict once the group knows it. */
export interface Outcome {
  readonly held: Held
  /** The event as it stays with the member, for its next attempt. */
  readonly next: Unfinished | undefined
  readonly says: Says
}

/** What was said of events, until it is known. */
export class Verdicts {
  #pending: Verdict[] = []
  /** The group knows of them, and still has to put their events with the parked ones. */
  #parking: readonly Verdict[] = []

  get pending(): readonly Verdict[] {
    return [...this.#pending]
  }

  get count(): number {
    return this.#pending.length
  }

  /** Whether nothing is left but to give events back. */
  get isSilent(): boolean {
    return this.#parking.length === 0 && this.#pending.every(({ says }) => says.kind === 'release')
  }

  /** Notes a word. */
  say(held: Held, says: Says, saidMs: number): Verdict {
    const { promise: known, resolve, reject } = Promise.withResolvers<void>()
    known.catch(() => undefined)
    const verdict: Verdict = { held, says, saidMs, isAwaited: false, known, resolve, reject }
    this.#pending.push(verdict)
    return verdict
  }

  /** Settles what a write has made known. `refuse` gives the error for what was not the member's to say. */
  landed({ turn, group, effects }: LandedTurn, refuse: (held: Held) => unknown): readonly Outcome[] {
    const refused = placesIn(effects, 'refused')
    const deferred = placesIn(effects, 'deferred')
    const known = turn.verdicts.filter(({ held }) => !deferred.has(held.place))
    const isKnown = new Set(known)
    this.#pending = this.#pending.filter((verdict) => !isKnown.has(verdict))
    const mayComeAgain = known.some(({ says }) => says.kind === 'fail')
    const mine = mayComeAgain ? group.unfinished.filter(({ holder }) => holder === turn.member) : []
    const remaining = new Map(mine.map((event) => [event.place, event]))
    const outcomes = known.map((verdict): Outcome => {
      const { held, says } = verdict
      if (refused.has(held.place)) {
        verdict.reject(refuse(held))
        return { held, says, next: undefined }
      }
      const next = says.kind === 'fail' ? remaining.get(held.place) : undefined
      const isParked = says.kind === 'park' || (says.kind === 'fail' && next === undefined)
      if (isParked) this.#parking = [...this.#parking, verdict]
      else verdict.resolve()
      return { held, says, next }
    })
    const chores = new Set(group.chores.map(({ place }) => place))
    for (const { held, resolve } of this.#parking) if (!chores.has(held.place)) resolve()
    this.#parking = this.#parking.filter(({ held }) => chores.has(held.place))
    return outcomes
  }

  /** Nothing of what is open will be known. */
  reject(reasonFor: (held: Held) => unknown): void {
    for (const { held, reject } of [...this.#pending, ...this.#parking]) reject(reasonFor(held))
    this.#pending = []
    this.#parking = []
  }
}

/** The places that effects of one kind name. */
export function placesIn(effects: readonly GroupEffect[], kind: 'refused' | 'deferred'): ReadonlySet<number> {
  return new Set(effects.flatMap((effect) => (effect.kind === kind ? effect.places : [])))
}
