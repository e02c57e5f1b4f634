/** Sees every write to a consumer group and every delivery, and remembers the first thing that may not be. */
import { deepEqual } from 'node:assert/strict'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import { encoded, groupFrom } from '../../store/src/groups/group-shelf.ts'
import { checkpointOf, type Group, type Unfinished } from '../../store/src/groups/group-state.ts'
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
  /** Whether a consumer asked for it to come again. */
  isWantedAgain: boolean
  /** How often it was delivered in this life. */
  deliveries: number
}

/** What scenarios are there for. */
const happenings = [
  // What befalls programs that hold something, and what they say on it.
  ...(['killed', 'paused', 'stopped', 'requestLost', 'answerLost', 'arrivesLate'] as const),
  // What becomes of events.
  ...(['lost', 'alone', 'failed', 'timedOut', 'refused', 'parked', 'replayed', 'discarded'] as const),
]

/** How often each of it happened. */
export type Tally = Record<(typeof happenings)[number], number>

/** Nothing happened yet. */
export function newTally(): Tally {
  return Object.fromEntries(happenings.map((happening) => [happening, 0])) as Tally
}

/** Watches one group. */
export class GroupWitness {
  #group: Group | undefined
  readonly #events = new Map<number, Seen>()
  readonly #isOfGroup: (place: number) => boolean
  /** The most retries that the settings ever allowed. */
  #retriesMax = 0
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
      const text = JSON.stringify(value)
      const next = groupFrom({ key, value: JSON.parse(text), version: 1 }).group as Group
      this.#require(JSON.stringify(encoded(next)) === text, 'a group is another one after it was read')
      if (this.#group !== undefined) this.#compare(this.#group, next)
      this.#checkState(next)
      this.#retriesMax = Math.max(this.#retriesMax, next.settings.retriesMax)
      this.#group = next
    })
  }

  /** An event reaches a consumer. */
  delivered(program: Program, { position: place, attempt }: Delivery): void {
    this.#watch(() => {
      const entry = this.group.unfinished.find((event) => event.place === place)
      this.#require(isOf(program, entry?.holder), `${place} is delivered by ${program.name}, which does not hold it`)
      this.#require(entry?.attempts === attempt - 1, `${place} is delivered as attempt ${attempt}`)
      const seen = this.#seen(place)
      seen.deliveries++
      // Each delivery before this one has failed: there may have been more attempts than the consumers saw, but not fewer.
      this.#require(
        attempt >= seen.deliveries,
        `${place} is delivered the ${seen.deliveries}th time as attempt ${attempt}`,
      )
      this.#require(attempt <= 1 + this.#retriesMax, `${place} is delivered as attempt ${attempt}, after its last one`)
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

  /** A consumer asks for an event to come again. */
  wantsAgain(place: number): void {
    this.#seen(place).isWantedAgain = true
  }

  /** It was told that the event is not its any more. */
  refused(): void {
    this.tally.refused++
  }

  /** Something befalls a program. */
  struck(program: Program, how: 'killed' | 'paused'): void {
    if (this.group.unfinished.some(({ holder }) => isOf(program, holder))) this.tally[how]++
  }

  /** The group is stopped. */
  stopped(): void {
    if (this.group.unfinished.some(({ holder }) => holder !== undefined)) this.tally.stopped++
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
    for (const event of next.unfinished) this.#count(before, event)
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

  /** What has befallen an event since it was written last. */
  #count(before: Group, event: Unfinished): void {
    if (event.holder !== undefined && isSuspect(event)) this.tally.alone++
    const was = before.unfinished.find(({ place }) => place === event.place)
    if (was === undefined || event.attempts <= was.attempts) return
    const seen = this.#seen(event.place)
    if (event.losses > was.losses) this.tally.lost++
    else if (seen.isWantedAgain) this.tally.failed++
    // Given back by who has left it is nobody's.
    else if (event.holder !== undefined) this.tally.timedOut++
    seen.isWantedAgain = false
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
    this.#events.set(place, { ...seen, fate: 'open', life: seen.life + 1, isSaid: false, deliveries: 0 })
  }

  #checkState(group: Group): void {
    const { unfinished, members, chores, settings } = group
    const isInOrder = unfinished.every(({ place }, index) => place > (unfinished[index - 1]?.place ?? 0))
    this.#require(isInOrder, 'unfinished events are not in order and once')
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
    const seen = this.#events.get(place) ?? {
      fate: 'open',
      life: 1,
      answeredIn: 0,
      isSaid: false,
      isWantedAgain: false,
      deliveries: 0,
    }
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

/** Whether a member is one of a program's. */
function isOf({ name }: Program, member: string | undefined): boolean {
  return member?.startsWith(`${name}/`) === true
}
