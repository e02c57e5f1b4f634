/** What a member does on the shelf and in the log beside its writes to the group; the outcomes go into its next write. */

import type { Clock } from '../engine/clock.ts'
import { patiently } from '../engine/patience.ts'
import { limits } from '../model/limits.ts'
import { type GroupStore, readPlaces } from './group-events.ts'
import type { Chore, Group } from './group-state.ts'
import { park, parkedPage, removeParked } from './park.ts'
import type { Pull, Tidied } from './parking.ts'

/** What errands need. */
export interface ErrandOptions {
  readonly store: GroupStore
  readonly clock: Clock
  /** Aborts when the member is over. */
  readonly signal: AbortSignal
  /** Whether a chore is still to be done, and nobody else can be doing it. */
  readonly isDue: (chore: Chore) => boolean
  /** Called when one is done. */
  readonly done: () => void
  /** Called when one cannot be done. */
  readonly failed: (error: unknown) => void
}

/** The errands of one member. */
export class Errands {
  readonly #options: ErrandOptions
  readonly #underWay = new Set<number>()
  #done: number[] = []
  #dropped: number[] = []
  #pull: Pull | undefined
  #isPulling = false

  constructor(options: ErrandOptions) {
    this.#options = options
  }

  /** Chores that were done and may be struck off. */
  get tidied(): Tidied {
    return { done: [...this.#done], dropped: [...this.#dropped] }
  }

  /** Parked events that were found, if the first replay still is where it was. */
  pulled({ replays, discards }: Group): Pull | undefined {
    const isCurrent = this.#pull?.after === replays[0]?.after && this.#pull?.discards === discards
    if (!isCurrent) this.#pull = undefined
    return this.#pull
  }

  /** What has been written need not be written again. */
  wrote({ done, dropped }: Tidied, pull: Pull | undefined): void {
    this.#done = this.#done.filter((number) => !done.includes(number))
    this.#dropped = this.#dropped.filter((number) => !dropped.includes(number))
    for (const number of [...done, ...dropped]) this.#underWay.delete(number)
    if (this.#pull === pull) this.#pull = undefined
  }

  /** Whatever was done was done for a membership that is over. */
  forget(): void {
    this.#done = []
    this.#dropped = []
    this.#pull = undefined
    this.#underWay.clear()
  }

  /** Does the chores that fall to the member. */
  doChores(group: Group): void {
    for (const chore of group.chores) {
      if (this.#underWay.has(chore.number) || !this.#options.isDue(chore)) continue
      this.#underWay.add(chore.number)
      this.#go(() => this.#do(group, chore))
    }
  }

  /** Looks for parked events that are wanted back. */
  doPull(group: Group): void {
    const [replay] = group.replays
    if (replay === undefined || this.#isPulling || this.#pull !== undefined) return
    const { after, through: last } = replay
    const { discards } = group
    // What is on its way back already is not taken again, also when it is finished by the time the list is written.
    const known = new Set([...group.unfinished, ...group.chores].map(({ place }) => place))
    this.#isPulling = true
    this.#go(async () => {
      try {
        const { store, signal } = this.#options
        const page = { after, limit: limits.shelfPageEntries, signal }
        const found = await this.#patiently(() => parkedPage(store.shelf, group.id, page))
        const through = found.through ?? last
        const events = found.events.filter(({ place }) => !known.has(place))
        this.#pull = { after, through, discards, events }
      } finally {
        this.#isPulling = false
      }
    })
  }

  async #do({ id, settings }: Group, chore: Chore): Promise<void> {
    const { store, clock, signal, isDue } = this.#options
    const { number, place } = chore
    if (chore.kind === 'remove') {
      await this.#patiently(() => removeParked(store.shelf, id, place))
      this.#done.push(number)
      return
    }
    const event = (await this.#patiently(() => readPlaces(store, settings, [place], signal))).get(place)
    if (event === undefined) {
      if (chore.isReplayed) await this.#patiently(() => removeParked(store.shelf, id, place))
      this.#dropped.push(number)
      return
    }
    // Who was taken for lost leaves it to the others: the event may have been replayed and finished by now.
    const about = { event, nowMs: clock.now(), isDue: () => isDue(chore) }
    const parking = await this.#patiently(() => park(store.shelf, id, chore, about))
    if (parking === 'parked') this.#done.push(number)
    else if (parking === 'over') this.#dropped.push(number)
    else this.#underWay.delete(number)
  }

  #go(errand: () => Promise<void>): void {
    const { done, failed, signal } = this.#options
    errand().then(done, (error: unknown) => {
      if (!signal.aborted) failed(error)
    })
  }

  #patiently<Result>(call: () => Promise<Result>): Promise<Result> {
    return patiently(this.#options, call)
  }
}
