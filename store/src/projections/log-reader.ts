/**
 * The log, read once for all projections of a process, and routed once for all partitions of a build.
 *
 * log > the reading of the process > a projection in one partition
 *                                  > the reading of a build, its lane > its partitions
 *
 * What is behind the reading of the process reads for itself, so that the slowest projection costs the others nothing.
 * Partitions of one build wait for each other for a moment before one of them is left behind: each of them would read
 * all events of the projection, and nobody sees the read model further than the last of them is.
 */
import type { Clock } from '../engine/clock.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { matchesQuery, normalQuery, type Query, type QueryItem } from '../model/query.ts'
import type { Stretch } from './gathering.ts'
import { OneReading } from './one-reading.ts'
import { type Projection, partitionOf } from './projection.ts'

/** Events of one stretch, so that followers that are as fast as each other share many. */
const stretchEvents = 256

/** How long partitions wait for one of them that does not come further, in milliseconds. */
const patienceMs = 1_000

/** A partition of a build, as the log is read for it. */
export interface Course {
  readonly projection: Pick<Projection<never>, 'name' | 'filter' | 'partitions' | 'keyOf'>
  readonly generation: number
  /** 1, 2, 3… */
  readonly partition: number
}

/** What the partitions of a build share. */
interface Lane {
  readonly reading: OneReading
  /** The events of each partition, the first one at 0. */
  readonly routed: (events: readonly RecordedEvent[]) => readonly (readonly RecordedEvent[])[]
}

/** Reads what matches any of some filters, for any number of partitions. */
export class LogReader {
  readonly #store: Pick<EventStore, 'subscribe'>
  readonly #clock: Clock
  readonly #reading: OneReading
  readonly #lanes = new Map<string, Lane>()
  /** What is read is for one filter, which all of it matches. */
  readonly #isOneFilter: boolean

  constructor(store: Pick<EventStore, 'subscribe'>, filters: readonly Projection<never>['filter'][], clock: Clock) {
    const filter = narrowest(filters)
    this.#store = store
    this.#clock = clock
    this.#isOneFilter = filters.length === 1
    this.#reading = new OneReading({
      read: (from, signal) => stretches(store.subscribe({ from, filter, marks: true, signal }), from - 1),
      keptEvents: limits.sharedEvents,
    })
  }

  /**
   * Everything from a position on that a partition handles, stretch after stretch. Rejects with STORE_CLOSED when the store is,
   * with the signal's reason when aborted, and with what the store cannot read: following again begins anew.
   *
   * @throws whatever the key of the projection throws.
   */
  async *follow(from: number, course: Course, signal: AbortSignal): AsyncGenerator<Stretch> {
    const { projection, generation, partition } = course
    if (projection.partitions === 1) return yield* this.#filtered(projection.filter, from, signal)
    const name = `${projection.name}/${generation}`
    const lane = this.#lanes.get(name) ?? this.#laneOf(projection)
    this.#lanes.set(name, lane)
    const own = (events: readonly RecordedEvent[]): readonly RecordedEvent[] => lane.routed(events)[partition - 1] ?? []
    try {
      yield* lane.reading.follow({
        ...{ from, signal, own },
        alone: (after, until) => only(own, this.#filtered(projection.filter, after, until)),
      })
    } finally {
      if (!lane.reading.isFollowed) this.#lanes.delete(name)
    }
  }

  /** Ends the readings and all that follow them. */
  close(): void {
    for (const { reading } of this.#lanes.values()) reading.close()
    this.#reading.close()
  }

  #filtered(filter: Projection<never>['filter'], from: number, signal: AbortSignal): AsyncGenerator<Stretch> {
    const query = normalQuery(filter)
    return this.#reading.follow({
      ...{ from, signal },
      own: this.#isOneFilter ? (events) => events : (events) => events.filter((event) => matchesQuery(query, event)),
      alone: (after, until) =>
        stretches(this.#store.subscribe({ from: after, filter, marks: true, signal: until }), after - 1),
    })
  }

  #laneOf({ filter, partitions, keyOf }: Course['projection']): Lane {
    return {
      reading: new OneReading({
        read: (from, signal) => this.#filtered(filter, from, signal),
        // While one of them saves, all others may come to the end of a batch of theirs.
        keptEvents: Math.max(limits.sharedEvents, partitions * limits.projectionEvents),
        patience: { clock: this.#clock, ms: patienceMs },
      }),
      routed: routing({ partitions, keyOf }),
    }
  }
}

/** What all of them read together, as far as one query can say it. */
function narrowest(filters: readonly Projection<never>['filter'][]): Query {
  const items = filters.filter((filter): filter is QueryItem => filter !== 'everything')
  return items.length === filters.length && items.length <= limits.queryItems ? items : 'everything'
}

/** Divides events by partition, each stretch once. */
function routing({ partitions, keyOf }: Pick<Course['projection'], 'partitions' | 'keyOf'>): Lane['routed'] {
  const known = new WeakMap<readonly RecordedEvent[], readonly (readonly RecordedEvent[])[]>()
  return (events) => {
    const before = known.get(events)
    if (before !== undefined) return before
    const routed = Array.from({ length: partitions }, (): RecordedEvent[] => [])
    for (const event of events) routed[partitionOf(keyOf(event), partitions) - 1]?.push(event)
    known.set(events, routed)
    return routed
  }
}

async function* only(
  own: (events: readonly RecordedEvent[]) => readonly RecordedEvent[],
  all: AsyncIterable<Stretch>,
): AsyncGenerator<Stretch> {
  for await (const stretch of all) yield { ...stretch, events: own(stretch.events) }
}

async function* stretches(items: AsyncIterable<SubscriptionItem>, from: number): AsyncGenerator<Stretch> {
  let after = from
  let events: RecordedEvent[] = []
  for await (const item of items) {
    if (item.kind === 'event') {
      events.push(item.event)
      if (events.length < stretchEvents) continue
    }
    const upTo = item.kind === 'event' ? item.event.position : item.position
    const isEnd = item.kind === 'caught_up'
    if (upTo > after || isEnd) yield { upTo, events, isEnd }
    after = upTo
    events = []
  }
}
