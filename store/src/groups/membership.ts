/**
 * A program's membership in a group, and the entry of the shelf that it writes.
 *
 * Every write names the version it replaces and raises the member's beats, by one for each attempt. Whoever was overtaken
 * looks, and says the same again of the group as it is now. Whoever lost an answer finds by the beats which of its
 * attempts went through: all of them named one version, so it is one at the most.
 */
import type { Clock } from '../engine/clock.ts'
import { isVarveError } from '../model/errors.ts'
import { GroupNotFound } from '../model/group-errors.ts'
import { limits } from '../model/limits.ts'
import { type GroupEffect, step } from './group.ts'
import type { GroupStore } from './group-events.ts'
import { isConflict, loadGroup, saveGroup } from './group-shelf.ts'
import type { Chore, Group } from './group-state.ts'
import { beatsPerTimeout, nothingSeen, watched } from './liveness.ts'
import { type Attempt, inputsOf, type Turn } from './turn.ts'

/** What a membership works with. */
export interface MembershipOptions {
  readonly store: GroupStore
  readonly name: string
  readonly clock: Clock
  readonly newId: () => string
  readonly random: () => number
  /** Whether nobody is left who would wait for a store that is away. */
  readonly isDeserted: () => boolean
  /** A write went through. */
  readonly landed: (attempt: Attempt) => void
  /** Others took this member for lost: it holds nothing any more. */
  readonly lost: () => void
  /** The group was looked at; told whether somebody has changed it. */
  readonly seen: (isNews: boolean) => void
}

/** Pauses while the store is away. */
const awayMinMs = 50
const awayMaxMs = 5_000
/** Attempts while the store is away, of a member whose consumers have left. */
const leavingAttempts = 3
/** Pauses after several writes that others were before with. */
const crowdMaxMs = 64

/** The part of a member that knows the group. */
export class Membership {
  readonly #options: MembershipOptions
  #id: string
  #group: Group | undefined
  #version = 0
  #beats = 0
  #isJoined = false
  #unsure: Attempt[] = []
  #watch = nothingSeen
  #lostOthers: readonly string[] = []
  /** When a landed write was begun. */
  #confirmedMs = 0
  /** Attempts in a row that others were before with, and that the store was away for. */
  #conflicts = 0
  #absences = 0

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#id = options.newId()
  }

  get id(): string {
    return this.#id
  }

  /** Known once it was looked at. */
  get group(): Group {
    if (this.#group === undefined) throw new GroupNotFound(this.#options.name)
    return this.#group
  }

  get isJoined(): boolean {
    return this.#isJoined
  }

  /** Members that have given no sign of life for too long. */
  get lostOthers(): readonly string[] {
    return this.#lostOthers
  }

  get nextBeats(): number {
    return this.#beats + 1
  }

  /** When the next sign of life is due: at once where the clock was set back, for nobody knows how old the last one is. */
  beatMs(nowMs: number): number {
    if (nowMs < this.#confirmedMs) return nowMs
    return this.#confirmedMs + this.group.settings.memberTimeoutMs / beatsPerTimeout
  }

  /**
   * Whether nobody can have taken this member for lost: others count from when they saw the last write, which is later
   * than it was begun. A beat is left over for clocks that do not run at one speed.
   */
  isSure(nowMs: number): boolean {
    if (!this.#isJoined || nowMs < this.#confirmedMs) return false
    const timeoutMs = this.group.settings.memberTimeoutMs
    return nowMs < this.#confirmedMs + timeoutMs - timeoutMs / beatsPerTimeout
  }

  /** Whether a chore falls to this member: its own ones do, and to the first member those that nobody is there for. */
  isOwn({ number, member }: Chore): boolean {
    const { chores, members } = this.group
    if (!chores.some((chore) => chore.number === number)) return false
    return member === this.#id || (members[0]?.id === this.#id && !members.some(({ id }) => id === member))
  }

  /** What a turn would make of the group. */
  attempt(turn: Turn): Attempt {
    let { group } = this
    const effects: GroupEffect[] = []
    for (const input of inputsOf(turn)) {
      const next = step(group, input)
      group = next.group
      effects.push(...next.effects)
    }
    return { turn, group, effects, startedMs: this.#options.clock.now(), over: this.#version }
  }

  /** Writes the group as an attempt has it, unless somebody was before; looks at it otherwise. */
  async write(attempt: Attempt): Promise<void> {
    const { store, name } = this.#options
    this.#beats = attempt.turn.beats
    try {
      this.#version = await saveGroup(store.shelf, name, attempt.group, attempt.over)
    } catch (error) {
      if (!isConflict(error) && !isVarveError(error, 'ENGINE_UNAVAILABLE')) throw error
      this.#unsure.push(attempt)
      await (isConflict(error) ? this.#giveWay() : this.#wait(error))
      return this.look()
    }
    this.#conflicts = 0
    this.#absences = 0
    this.#unsure = []
    this.#group = attempt.group
    this.#land(attempt)
    // Nobody has written since this member looked: the others are as they were.
    this.#watchOthers(attempt.group)
  }

  /** Reads the group as it is now. */
  async look(): Promise<void> {
    const { store, name, lost, seen } = this.#options
    const known = this.#version
    for (;;) {
      try {
        const { group, version } = await loadGroup(store.shelf, name)
        const isSame = this.#group === undefined || this.#group.id === group?.id
        if (group === undefined || !isSame) throw new GroupNotFound(name)
        this.#absences = 0
        this.#version = version
        this.#group = group
        break
      } catch (error) {
        if (!isVarveError(error, 'ENGINE_UNAVAILABLE')) throw error
        await this.#wait(error)
      }
    }
    const { group } = this
    const me = group.members.find(({ id }) => id === this.#id)
    const landed = this.#unsure.find(({ turn }) => turn.beats === me?.beats)
    // What names the version that is still there may yet arrive.
    this.#unsure = this.#unsure.filter((attempt) => attempt !== landed && attempt.over === this.#version)
    if (landed !== undefined) this.#land(landed)
    else if (this.#isJoined && me === undefined) {
      this.#renew()
      lost()
    }
    this.#watchOthers(group)
    seen(this.#version !== known)
  }

  #land(attempt: Attempt): void {
    const { turn, startedMs } = attempt
    this.#isJoined = true
    this.#confirmedMs = startedMs
    this.#options.landed(attempt)
    if (turn.isLeaving) this.#renew()
  }

  /** Whoever joins again is another one: what the one before said does not count any more. */
  #renew(): void {
    this.#isJoined = false
    this.#id = this.#options.newId()
    this.#beats = 0
    this.#unsure = []
    this.#watch = nothingSeen
  }

  #watchOthers({ members, settings }: Group): void {
    const { memberTimeoutMs } = settings
    const found = watched(this.#watch, members, {
      self: this.#id,
      nowMs: this.#options.clock.now(),
      memberTimeoutMs,
    })
    this.#watch = found.watch
    this.#lostOthers = found.lost
  }

  async #giveWay(): Promise<void> {
    const { clock, random } = this.#options
    if (this.#conflicts++ === 0) return
    await clock.sleep(random() * Math.min(2 ** this.#conflicts, crowdMaxMs))
  }

  async #wait(error: unknown): Promise<void> {
    const { clock, isDeserted } = this.#options
    // What is not given back is free when the time for signs of life is over: leaving need not wait any longer.
    if (++this.#absences > (isDeserted() ? leavingAttempts : limits.readAttempts)) throw error
    await clock.sleep(Math.min(awayMinMs * 2 ** this.#absences, awayMaxMs))
  }
}
