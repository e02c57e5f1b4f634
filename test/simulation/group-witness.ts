/** Sees every write to a consumer group and every delivery, and remembers the first thing that may not be. */
import { deepEqual } from 'node:assert/strict'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import { encoded, groupFrom } from '../../store/src/groups/group-shelf.ts'
import { checkpointOf, type Group } from '../../store/src/groups/group-state.ts'
import { isSuspect } from '../../store/src/groups/holding.ts'
import { limits } from '../../store/src/model/limits.ts'
import type { Program } from './programs.ts'

/** What has become of an event. */
type Fate = 'open' | 'finished' | 'parking' | 'parked' | 'discarded'

/** An event of the group. */
interface Seen {
  fate: Fate
  /** Rises each time it comes back from the parked ones. */
  life: number
  /** The life in which an ack of it was answered. */
  answeredIn: number
  /** Whether a consumer said in this life that it is done with it. */
  isSaid: boolean
  deliveries: number
}

/** How often things happened that a scenario is there for. */
export type Tally = Record<'lost' | 'alone' | 'parked' | 'replayed' | 'discarded' | 'refused', number>

/** Nothing happened yet. */
export function newTally(): Tally {
  return { lost: 0, alone: 0, parked: 0, replayed: 0, discarded: 0, refused: 0 }
}

/** Watches one group. */
export class GroupWitness {
  #group: Group | undefined
  readonly #events = new Map<number, Seen>()
  readonly #isOfGroup: (place: number) => boolean
  /** The first thing that may not be. */
  breach: Error | undefined

  readonly tally: Tally

  constructor(isOfGroup: (place: number) => boolean, tally: Tally) {
    this.#isOfGroup = isOfGroup
    this.tally = tally
  }

  get group(): Group {
    if (this.#group === undefined) throw new Error('The group was not written yet.')
    return this.#group
  }

  /** A write that went through. */
  wrote(key: string, value: unknown): void {
    this.#watch(() => {
      const next = groupFrom({ key, value: JSON.parse(JSON.stringify(value)), version: 1 }).group as Group
      this.#require(JSON.stringify(encoded(next)) === JSON.stringify(value), 'a group is another one after it was read')
      if (this.#group !== undefined) this.#compare(this.#group, next)
      this.#checkState(next)
      this.#group = next
    })
  }

  /** An event reaches a consumer. */
  delivered(program: Program, { position: place, attempt }: Delivery): void {
    this.#watch(() => {
      const entry = this.group.unfinished.find((event) => event.place === place)
      this.#require(
        entry?.holder?.startsWith(`${program.name}/`) === true,
        `${place} is delivered by ${program.name}, which does not hold it`,
      )
      this.#require(entry?.attempts === attempt - 1, `${place} is delivered as attempt ${attempt}`)
      const seen = this.#seen(place)
      seen.deliveries++
      this.#require(seen.answeredIn < seen.life, `${place} is delivered after its ack was answered`)
      if (this.group.settings.strategy !== 'pinned' || entry?.isReplayed === true) return
      const before = this.group.unfinished.find(
        (event) => event.key === entry?.key && event.place < place && !event.isReplayed,
      )
      this.#require(before === undefined, `${place} is delivered before ${before?.place}, which has its key`)
    })
  }

  /** A consumer says that it is done with an event, for good or until it is replayed. */
  said(place: number): void {
    this.#seen(place).isSaid = true
  }

  /** It was told that the event is not its any more. */
  refused(): void {
    this.tally.refused++
  }

  /** What it said was answered. */
  answered(place: number): void {
    const seen = this.#seen(place)
    seen.answeredIn = seen.life
    this.#watch(() => {
      const isOpen = this.group.unfinished.some((event) => event.place === place)
      this.#require(!isOpen, `the ack of ${place} is answered while it is unfinished`)
    })
  }

  /** Fails when something was seen that may not be. */
  check(): void {
    if (this.breach !== undefined) throw this.breach
  }

  /** Fails unless every event has come to an end, and those that are said to be parked are. */
  checkEnd(parked: readonly number[]): void {
    this.check()
    const withFate = (fate: Fate): number[] =>
      [...this.#events]
        .filter(([, seen]) => seen.fate === fate)
        .map(([place]) => place)
        .sort((a, b) => a - b)
    deepEqual([withFate('open'), withFate('parking')], [[], []])
    deepEqual(parked, withFate('parked'))
    const { counts } = this.group
    deepEqual(counts.parked, parked.length, 'the number of parked events')
    const unsaid = withFate('finished').filter((place) => !this.#seen(place).isSaid)
    deepEqual(unsaid, [], 'finished although nobody said so')
  }

  #compare(before: Group, next: Group): void {
    this.#require(next.reached >= before.reached, 'what was taken in went back')
    this.#require(checkpointOf(next) >= checkpointOf(before), `the checkpoint went back to ${checkpointOf(next)}`)
    for (let place = before.reached + 1; place <= next.reached; place++) {
      if (!this.#isOfGroup(place)) continue
      this.#require(
        next.unfinished.some((event) => event.place === place),
        `${place} was passed over`,
      )
    }
    for (const { place, isReplayed } of next.unfinished) this.#open(before, place, isReplayed)
    for (const event of next.unfinished) {
      if (event.losses > (before.unfinished.find(({ place }) => place === event.place)?.losses ?? 0)) this.tally.lost++
      if (event.holder !== undefined && isSuspect(event)) this.tally.alone++
    }
    const open = new Set(next.unfinished.map(({ place }) => place))
    const chores = new Map(next.chores.map((chore) => [chore.place, chore]))
    for (const [place, seen] of this.#events) {
      const chore = chores.get(place)
      if (seen.fate === 'open' && !open.has(place)) seen.fate = chore?.kind === 'park' ? 'parking' : 'finished'
      else if (seen.fate === 'parking' && chore === undefined) {
        seen.fate = 'parked'
        this.tally.parked++
      } else if (seen.fate === 'parked' && chore?.kind === 'remove') {
        seen.fate = 'discarded'
        this.tally.discarded++
      }
    }
  }

  #open(before: Group, place: number, isReplayed: boolean): void {
    const seen = this.#events.get(place)
    if (seen === undefined) {
      this.#require(place > before.reached && !isReplayed, `${place} came from nowhere`)
      this.#seen(place)
      return
    }
    if (seen.fate === 'open') return
    this.#require(seen.fate === 'parked' && isReplayed, `${place} came back although it was ${seen.fate}`)
    this.tally.replayed++
    this.#events.set(place, { ...seen, fate: 'open', life: seen.life + 1, isSaid: false })
  }

  #checkState(group: Group): void {
    const { unfinished, members, chores, settings } = group
    const places = unfinished.map(({ place }) => place)
    deepEqual(
      places,
      [...new Set(places)].sort((a, b) => a - b),
      'unfinished events, in order and once',
    )
    this.#require(unfinished.length <= settings.inFlightMax, 'more in flight than may be')
    this.#require(chores.length <= 2 * limits.groupChores, 'more chores than may be')
    const ids = new Set(members.map(({ id }) => id))
    for (const { holder, place } of unfinished) {
      this.#require(holder === undefined || ids.has(holder), `${place} is held by nobody of the group`)
    }
    if (settings.strategy !== 'pinned') return
    const held = unfinished.filter(({ holder }) => holder !== undefined).map(({ key }) => key)
    this.#require(new Set(held).size === held.length, 'two events of one key are held')
  }

  #seen(place: number): Seen {
    const seen = this.#events.get(place) ?? { fate: 'open', life: 1, answeredIn: 0, isSaid: false, deliveries: 0 }
    this.#events.set(place, seen)
    return seen
  }

  #require(holds: boolean, breach: string): void {
    if (!holds) throw new Error(breach)
  }

  /** What is found is told at the end: an error here would be one that the store throws. */
  #watch(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.breach ??= error as Error
    }
  }
}
