/**
 * A program's part in a group, however many consumers it has there: one loop that gathers what they say and want, and
 * writes it to the group.
 *
 * look > (write | look | rest) > serve > … > give everything back > leave
 *
 * Nothing is handed out unless the last write is recent enough for the others not to have taken the member for lost. One
 * that finds itself gone has lost everything it held, and joins again as another.
 */
import { isVarveError, StoreClosed } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { GroupChanged, GroupFull } from '../model/group-errors.ts'
import { Bell } from './bell.ts'
import { Errands } from './errands.ts'
import type { Chore } from './group-state.ts'
import type { Handed, Held, Seat } from './held.ts'
import { Holdings } from './holdings.ts'
import { Membership, type MembershipOptions } from './membership.ts'
import { refusalOf } from './refusal.ts'
import { endSeat, Seats } from './seats.ts'
import { Supply } from './supply.ts'
import { type Attempt, isWorthwhile, namesOf, nextLook, noLook, savedAtMs } from './turn.ts'
import { isPressing, type MemberParts, turnOf, weighingOf } from './turn-of.ts'
import { comesAtOnce, refusedWord, retryMs, type Says, type Verdict, Verdicts, type Word } from './verdicts.ts'

/** What a member works with. */
export interface MemberOptions extends Omit<MembershipOptions, 'isDeserted' | 'landed' | 'lost' | 'seen'> {
  readonly keyOf: ((event: RecordedEvent) => string) | undefined
  /** Called when the member is over, before anybody is told. */
  readonly over: () => void
}

/** How long is slept where only the bell can change anything. */
const idleMs = 30_000

/** A program's part in a group. */
export class Member {
  readonly #options: MemberOptions
  readonly #membership: Membership
  readonly #seats = new Seats()
  readonly #holdings: Holdings
  readonly #verdicts = new Verdicts()
  readonly #bell: Bell
  readonly #errands: Errands
  readonly #ending = new AbortController()
  readonly #supply: Supply
  readonly #parts: MemberParts
  /** Who waits for everything to be given back. */
  #goodbyes: (() => void)[] = []
  /** The consumers that the group knows of. */
  #knownConsumers = ''
  #look = noLook
  #failure: { readonly error: unknown } | undefined

  constructor(options: MemberOptions) {
    this.#options = options
    this.#bell = new Bell(options.clock)
    this.#holdings = new Holdings(this.#seats, options.name)
    this.#membership = new Membership({
      ...options,
      landed: (attempt) => this.#landed(attempt),
      isDeserted: () => this.#seats.all.length === 0,
      lost: () => this.#lost(),
      seen: (isNews) => this.#planLook(isNews),
    })
    const { signal } = this.#ending
    const [done, failed] = [() => this.#bell.ring(), (error: unknown) => this.#fail(error)]
    const isDue = (chore: Chore): boolean => this.#membership.isSure(this.#now()) && this.#membership.isOwn(chore)
    this.#errands = new Errands({ ...options, signal, isDue, done, failed })
    this.#supply = new Supply({
      ...options,
      signal,
      failed,
      arrived: done,
      read: (held, event) => this.#read(held, event),
      ended: () => this.#fail(new StoreClosed()),
    })
    this.#parts = {
      membership: this.#membership,
      seats: this.#seats,
      holdings: this.#holdings,
      verdicts: this.#verdicts,
      errands: this.#errands,
      supply: this.#supply,
    }
  }

  /** Goes on until the last consumer has left. */
  async run(): Promise<void> {
    let failure: unknown
    try {
      await this.#membership.look()
      // Asked without waiting in between: whoever comes after that finds the member over, and begins another one.
      while (!this.#isLeft()) {
        this.#serve(this.#now())
        await this.#turned(this.#now())
      }
    } catch (error) {
      failure = error
    }
    this.#options.over()
    this.#supply.close()
    this.#ending.abort()
    const isClosed = failure === undefined || isVarveError(failure, 'STORE_CLOSED')
    this.#seats.end(isClosed ? undefined : failure)
    this.#verdicts.reject(() => failure ?? new StoreClosed())
    this.#holdings.removeAll('its program does not take part in the group any more')
    for (const resolve of this.#goodbyes) resolve()
  }

  /** A new consumer. */
  join(seat: Seat): void {
    this.#seats.add(seat)
    this.#bell.ring()
  }

  /** The next event for a consumer, undefined when there will be none. */
  next(seat: Seat, signal: AbortSignal | undefined): Promise<Handed | undefined> {
    const handed = this.#seats.ask(seat, signal)
    this.#handOut()
    if (seat.ask !== undefined) this.#bell.ring()
    return handed
  }

  /** An event for a consumer, if there is one right now. */
  nextReady(seat: Seat): Handed | undefined {
    return this.#isServing() ? this.#holdings.handOutTo(seat, this.#membership.group.settings, this.#now()) : undefined
  }

  /** Says what becomes of an event that was handed out. */
  say(held: Held, says: Says): Word {
    if (held.phase !== 'handed') return refusedWord(this.#holdings.lostError(held))
    const { seat } = held
    if (seat !== undefined && says.kind === 'finish') seat.finished++
    const verdict = this.#noted(held, says)
    // Whoever cannot be sure that the event still is its own has to hear it from the group.
    const isNoted = says.kind === 'finish' && this.#membership.isSure(verdict.saidMs)
    if (!isNoted || isPressing(this.#parts, verdict.saidMs)) this.#bell.ring()
    const saved = (): Promise<void> => {
      verdict.isAwaited = true
      this.#bell.ring()
      return verdict.known
    }
    return { isNoted, saved }
  }

  /** A consumer goes: what it has in hand is given back, and all that is left when it was the last one. */
  async leave(seat: Seat): Promise<void> {
    endSeat(seat, undefined)
    this.#seats.remove(seat)
    const inHand = this.#holdings.all.filter((held) => held.seat === seat && held.phase === 'handed')
    const returned = inHand.map((held) => {
      this.#holdings.letGo(held, 'its consumer has left')
      return this.#say(held, { kind: 'release', as: 'failed' }).known
    })
    this.#bell.ring()
    await Promise.allSettled(returned)
    const isLast = this.#seats.all.length === 0 && !this.#ending.signal.aborted
    if (isLast) await new Promise<void>((resolve) => this.#goodbyes.push(resolve))
  }

  /** Looks at the group as soon as it can. */
  look(): void {
    this.#look = { ...this.#look, atMs: 0 }
    this.#bell.ring()
  }

  /** Whether nobody is there any more, and everything was given back. */
  #isLeft(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#seats.all.length === 0) {
      return !this.#membership.isJoined && this.#verdicts.pending.length === 0
    }
    for (const resolve of this.#goodbyes.splice(0)) resolve()
    return false
  }

  /** One turn of the loop. */
  async #turned(nowMs: number): Promise<void> {
    this.#giveBack(nowMs)
    const membership = this.#membership
    const attempt = membership.attempt(turnOf(this.#parts, nowMs))
    // Consumers that were refused have not left yet; nothing is to be done for them.
    if (!membership.isJoined && this.#seats.open.length === 0) return this.#bell.sleep(idleMs)
    if (!attempt.group.members.some(({ id }) => id === membership.id) && !attempt.turn.isLeaving) {
      return this.#seats.end(new GroupFull(this.#options.name))
    }
    const weighing = { ...weighingOf(this.#parts, nowMs), knownConsumers: this.#knownConsumers }
    if (isWorthwhile(attempt, weighing)) await membership.write(attempt)
    else if (nowMs >= this.#look.atMs) await membership.look()
    else await this.#bell.sleep(this.#restMs(attempt, nowMs))
  }

  /** Events whose time is over, and events that no consumer is there for. */
  #giveBack(nowMs: number): void {
    const { messageTimeoutMs } = this.#membership.group.settings
    for (const held of this.#holdings.overdue(nowMs)) {
      const reason = `There was no word on it within ${messageTimeoutMs} ms.`
      this.#holdings.letGo(held, `there was no word on it within ${messageTimeoutMs} ms`)
      void this.#say(held, { kind: 'fail', reason })
    }
    for (const held of this.#holdings.surplus()) void this.#say(held, { kind: 'release', as: 'unused' })
  }

  /** How long nothing happens, unless the bell rings. */
  #restMs(attempt: Attempt, nowMs: number): number {
    const times = [this.#membership.beatMs(nowMs), this.#look.atMs, savedAtMs(attempt), this.#holdings.nextMs(nowMs)]
    return Math.max(Math.min(...times) - nowMs, 0)
  }

  /** Gets what the consumers wait for, hands it out, and does on the shelf what was decided. */
  #serve(nowMs: number): void {
    const { id, group, isJoined } = this.#membership
    this.#seats.follow(group.settings, () => new GroupChanged(this.#options.name))
    const refusal = refusalOf(this.#options.name, group, this.#options.keyOf)
    if (refusal !== undefined) this.#seats.end(refusal)
    if (!isJoined) return
    if (namesOf(this.#seats.numbers()) === this.#knownConsumers) this.#seats.admit(group.settings)
    this.#errands.doChores(group)
    if (this.#holdings.room(nowMs) > 0) this.#errands.doPull(group)
    this.#supply.bring(group, {
      member: id,
      ahead: this.#seats.readyMax(nowMs),
      toRead: this.#holdings.toRead(nowMs),
    })
    this.#handOut()
  }

  #read(held: Held, event: RecordedEvent | undefined): void {
    if (event !== undefined) this.#holdings.arrive(held, event)
    // Its stream was truncated or closed since: there is nothing to deliver any more.
    else if (held.phase === 'reading') void this.#say(held, { kind: 'finish', as: 'skipped' })
    this.#handOut()
  }

  #handOut(): void {
    if (this.#isServing()) this.#holdings.handOut(this.#membership.group.settings, this.#now())
  }

  #isServing(): boolean {
    return this.#membership.isSure(this.#now()) && this.#membership.group.stopped === undefined
  }

  #now(): number {
    return this.#options.clock.now()
  }

  #say(held: Held, says: Says): Verdict {
    this.#bell.ring()
    return this.#noted(held, says)
  }

  #noted(held: Held, says: Says): Verdict {
    if (comesAtOnce(says, held, this.#membership.group.settings)) this.#holdings.keep(held)
    else this.#holdings.takeBack(held)
    return this.#verdicts.say(held, says, this.#now())
  }

  #landed(attempt: Attempt): void {
    const { turn, group, effects } = attempt
    const nowMs = this.#now()
    for (const { held, says, next } of this.#verdicts.landed(attempt, (one) => this.#holdings.lostError(one))) {
      const { event } = held
      this.#holdings.remove(held)
      if (next === undefined || says.kind !== 'fail') continue
      this.#holdings.again(next, { kept: event, nowMs, delayMs: retryMs(says, next.attempts, group.settings) })
    }
    this.#errands.wrote(turn.tidied, turn.pull)
    const contents = this.#supply.given(group, turn.hold?.ahead.events ?? [], this.#seats.capacity)
    for (const effect of effects) {
      if (effect.kind === 'held') this.#holdings.add(effect.events, contents)
      if (effect.kind === 'full') this.#seats.end(new GroupFull(this.#options.name), effect.consumers.length)
    }
    this.#knownConsumers = namesOf(turn.consumers)
    if (turn.isLeaving) this.#holdings.removeAll('its program has left the group')
    this.#seats.count(nowMs)
    this.#planLook(false)
  }

  #lost(): void {
    const { memberTimeoutMs } = this.#membership.group.settings
    this.#holdings.removeAll(
      `its program gave no sign of life for ${memberTimeoutMs} ms, so that others took over from it`,
    )
    this.#verdicts.reject((held) => this.#holdings.lostError(held))
    this.#errands.forget()
  }

  #planLook(isNews: boolean): void {
    const { group, id } = this.#membership
    const couldGetMore = group.unfinished.some(({ holder }) => holder !== id) || group.members.length > 1
    const isWaiting = couldGetMore && this.#seats.asking.length > 0
    this.#look = nextLook(this.#look, { nowMs: this.#now(), isNews, isWaiting })
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#bell.ring()
  }
}
