/**
 * What a member holds, and what of it is where:
 *
 * unread > reading > ready > handed > settling > over
 *                            handed > settling > waiting > unread    (failed, and comes again)
 *                            handed > returning > ready              (failed, and comes again at once)
 *
 * In memory are the events that are ready, handed or returning, no more of them than all consumers together may have; one
 * that waits for its next attempt is read again. One that is returning keeps its place with its consumer until its retry is
 * saved, so that nothing new comes before it.
 */
import type { GroupSettings } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'
import { DeliveryLost } from '../model/group-errors.ts'
import type { Unfinished } from './group-state.ts'
import type { Handed, Held, Phase, Seat } from './held.ts'
import { isSuspect } from './holding.ts'
import type { Seats } from './seats.ts'
import { choose } from './strategy.ts'

/** On its way to a consumer, or with one. */
const activePhases: readonly Phase[] = ['unread', 'reading', 'ready', 'handed', 'returning']

/** How long a consumer with room for more that was handed an event is taken to be about to ask for the next one. */
const takingMs = 100

/** What a member holds. */
export class Holdings {
  readonly #held = new Map<number, Held>()
  /** In the order of their places. */
  #ready: Held[] = []
  readonly #seats: Seats
  readonly #group: string
  /** Kept up to date, for these are asked for with every event. */
  readonly #inPhase: Record<Phase, number> = {
    unread: 0,
    reading: 0,
    ready: 0,
    handed: 0,
    returning: 0,
    settling: 0,
    waiting: 0,
    over: 0,
  }

  constructor(seats: Seats, group: string) {
    this.#seats = seats
    this.#group = group
  }

  get all(): readonly Held[] {
    return [...this.#held.values()]
  }

  /** Whether nothing is on its way to a consumer or with one. */
  get isIdle(): boolean {
    return this.#active() === 0
  }

  /** Events that all consumers together may have, and do not have yet; no more than they will soon come to. */
  room(nowMs: number): number {
    // What is due has been waiting longer than anything that is new.
    const due = this.#due(nowMs)
    if (this.#isOneAlone() || due.some(({ isAlone }) => isAlone)) return 0
    const free = this.#seats.capacity - this.#active() - due.length
    const { unread, reading, ready } = this.#inPhase
    return Math.max(Math.min(free, this.#seats.readyMax(nowMs) - unread - reading - ready - due.length), 0)
  }

  /** Events beyond what the consumers that are left may have. */
  surplus(): readonly Held[] {
    const surplus = this.#active() - this.#seats.capacity
    if (surplus <= 0) return []
    return this.all.filter(({ phase }) => phase === 'ready' || phase === 'unread').slice(-surplus)
  }

  /** Events that the group has given to the member. */
  add(events: readonly Unfinished[], contents: ReadonlyMap<number, RecordedEvent>): void {
    for (const event of events) this.#enter(heldFrom(event, contents.get(event.place)))
  }

  /** An event that failed and stays with the member until it is due; one that is so at once, and was kept, is ready. */
  again(
    event: Unfinished,
    {
      kept,
      nowMs,
      delayMs,
    }: { readonly kept: RecordedEvent | undefined; readonly nowMs: number; readonly delayMs: number },
  ): void {
    if (kept !== undefined && delayMs === 0) this.#enter(heldFrom(event, kept))
    else this.#enter({ ...heldFrom(event, undefined), phase: 'waiting', untilMs: nowMs + delayMs })
  }

  /** Wakes what is due, as far as the consumers may have more; gives what has to be read. */
  toRead(nowMs: number): readonly Held[] {
    for (const held of this.#due(nowMs)) {
      const hasRoom = held.isAlone ? this.isIdle : this.#active() < this.#seats.capacity
      if (hasRoom && !this.#isOneAlone()) this.#move(held, 'unread')
    }
    if (this.#inPhase.unread === 0) return []
    const unread = this.all.filter(({ phase }) => phase === 'unread')
    for (const held of unread) this.#move(held, 'reading')
    return unread.sort((a, b) => a.place - b.place)
  }

  /** An event that was to be read is there. */
  arrive(held: Held, event: RecordedEvent): void {
    if (held.phase !== 'reading') return
    held.event = event
    this.#getReady(held)
  }

  /** Hands events to the consumers that wait. */
  handOut(settings: GroupSettings, nowMs: number): void {
    if (this.#ready.length === 0) return
    for (const seat of this.#seats.asking) {
      const handed = this.handOutTo(seat, settings, nowMs)
      if (handed !== undefined) seat.ask?.resolve(handed)
    }
  }

  /** Hands an event to a consumer, if it may have more and there is one for it. */
  handOutTo(seat: Seat, settings: GroupSettings, nowMs: number): Handed | undefined {
    if (!this.#seats.hasRoom(seat)) return undefined
    // A key of a consumer that has ended, and is not gone yet, is another one's already.
    const all = this.#seats.open
    const isWaiting = (index: number): boolean => {
      const other = all[index]
      return other !== undefined && other !== seat && other.ask !== undefined && this.#seats.hasRoom(other)
    }
    const keepsUp = (index: number): boolean => {
      const other = all[index]
      if (other === undefined || other === seat || !this.#seats.hasRoom(other)) return false
      return other.ask !== undefined || nowMs - other.servedMs < takingMs
    }
    const asker = { index: all.indexOf(seat), consumers: all.length, isWaiting, keepsUp }
    const index = choose(settings.strategy, this.#ready, asker)
    if (index < 0) return undefined
    const held = this.#ready.splice(index, 1)[0] as Held
    this.#move(held, 'handed')
    held.seat = seat
    held.untilMs = nowMs + settings.messageTimeoutMs
    seat.inHand++
    seat.servedMs = nowMs
    this.#seats.took(nowMs)
    return { held, event: held.event as RecordedEvent, goneSignal: () => this.#goneSignal(held) }
  }

  /** Keeps an event that was handed out and comes again at once, in place of anything new. */
  keep(held: Held): void {
    this.#move(held, 'returning')
  }

  /** Takes an event back that is about to be settled, from wherever it is. */
  takeBack(held: Held): void {
    const { phase, seat } = held
    if (phase === 'ready') this.#ready.splice(this.#ready.indexOf(held), 1)
    if ((phase === 'handed' || phase === 'returning') && seat !== undefined) seat.inHand--
    this.#move(held, 'settling')
    held.event = undefined
  }

  /** An event that is not the member's any more. */
  remove(held: Held): void {
    if (held.phase === 'over') return
    if (held.phase !== 'settling') this.takeBack(held)
    this.#inPhase.settling--
    held.phase = 'over'
    this.#held.delete(held.place)
  }

  /** Nothing is the member's any more. */
  removeAll(why: string): void {
    for (const held of this.all) {
      this.letGo(held, why)
      this.remove(held)
    }
  }

  /** An event is its consumer's no more, which is told so, now or when it says a word on it. */
  letGo(held: Held, why: string): void {
    held.lostBy ??= why
    held.gone?.abort(this.lostError(held))
  }

  /** What a consumer is told that says a word on an event which is not its any more. */
  lostError({ place, lostBy = 'a word on it was said before' }: Held): DeliveryLost {
    return new DeliveryLost(this.#group, place, lostBy)
  }

  /** Handed events whose time is over. */
  overdue(nowMs: number): readonly Held[] {
    if (this.#inPhase.handed === 0) return []
    return this.all.filter(({ phase, untilMs }) => phase === 'handed' && untilMs <= nowMs)
  }

  /** When the next thing happens that only takes time; what is due already waits for room. */
  nextMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const { phase, untilMs } of this.#held.values()) {
      if ((phase === 'handed' || phase === 'waiting') && untilMs > nowMs) next = Math.min(next, untilMs)
    }
    return next
  }

  #goneSignal(held: Held): AbortSignal {
    held.gone ??= new AbortController()
    if (held.lostBy !== undefined) held.gone.abort(this.lostError(held))
    return held.gone.signal
  }

  #due(nowMs: number): readonly Held[] {
    if (this.#inPhase.waiting === 0) return []
    return this.all.filter(({ phase, untilMs }) => phase === 'waiting' && untilMs <= nowMs)
  }

  #isOneAlone(): boolean {
    const first = this.#active() === 1 ? this.all.find(({ phase }) => activePhases.includes(phase)) : undefined
    return first?.isAlone === true
  }

  #active(): number {
    return activePhases.reduce((sum, phase) => sum + this.#inPhase[phase], 0)
  }

  #enter(held: Held): void {
    this.#held.set(held.place, held)
    this.#inPhase[held.phase]++
    if (held.phase === 'ready') this.#getReady(held)
  }

  #getReady(held: Held): void {
    this.#move(held, 'ready')
    const index = this.#ready.findIndex(({ place }) => place > held.place)
    this.#ready.splice(index < 0 ? this.#ready.length : index, 0, held)
  }

  #move(held: Held, phase: Phase): void {
    this.#inPhase[held.phase]--
    held.phase = phase
    this.#inPhase[phase]++
  }
}

function heldFrom(event: Unfinished, content: RecordedEvent | undefined): Held {
  const { place, attempts, key } = event
  const attempt = { place, attempt: attempts + 1, key, isAlone: isSuspect(event) }
  const phase = content === undefined ? 'unread' : 'ready'
  const nobody = { seat: undefined, untilMs: 0, gone: undefined, lostBy: undefined }
  return { ...attempt, phase, event: content, ...nobody }
}
