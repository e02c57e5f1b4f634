import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import type { NormalQuery } from '../../model/query.ts'
import { type StreamInfo, type StreamState, streamInfo } from '../../model/stream.ts'
import { Budget, backward, type Direction, forward } from './cursors.ts'
import { type Database, type Statement, textOf } from './driver.ts'
import { fingerprintOf } from './event-ids.ts'
import type { EventRow } from './event-rows.ts'
import type { Filters } from './filter.ts'
import type { Log } from './log.ts'
import { PageFill } from './page.ts'
import { eventColumns, eventOf } from './rows.ts'

/** from, head, rows */
const selectUpwards = `
  select ${eventColumns} from events e where e.position between ? and ? order by e.position limit ?`

/** from, rows */
const selectDownwards = `
  select ${eventColumns} from events e where e.position <= ? order by e.position desc limit ?`

/** positions as a JSON array: the rows come in its order, at two thirds of the price of one statement each. */
const selectListed = `
  select ${eventColumns} from json_each(?) listed cross join events e on e.position = listed.value`

/** after, prefix, after, rows. One bound for the index, the larger one; the plus keeps the planner from taking the other. */
const selectStreams = `
  select number, cast(name as blob), truncate_before, tombstoned from streams
  where name >= max(?, ?) and +name > ? order by name limit ?`

/** Work that one read of a filter may do, in list entries: some 10 ms, for it blocks everything else. */
const readBudgetEntries = 200_000

/** Rows of a stream listing fetched at once. */
const listedStreams = 256

/** Reads pages. Every call runs inside one transaction and so sees one state of the file. */
export class Pages {
  readonly #log: Log
  readonly #filters: Filters
  readonly #upwards: Statement<EventRow>
  readonly #downwards: Statement<EventRow>
  readonly #listed: Statement<EventRow>
  readonly #streams: Statement<[number, Uint8Array, number, number]>

  constructor(db: Database, log: Log, filters: Filters) {
    this.#log = log
    this.#filters = filters
    this.#upwards = db.prepare(selectUpwards)
    this.#downwards = db.prepare(selectDownwards)
    this.#listed = db.prepare(selectListed)
    this.#streams = db.prepare(selectStreams)
  }

  read(query: ReadQuery): Page {
    this.#log.refresh()
    if ('streamId' in query.source) return this.#readStream(query.source.streamId, query)
    const { head } = this.#log
    const direction = query.direction === 'forward' ? forward : backward
    const from = direction === forward ? Math.max(query.from, 1) : Math.min(query.from, head)
    const fill = new PageFill(query)
    const next =
      query.source.query === 'everything'
        ? this.#fillFromAll(fill, from, direction)
        : this.#fillMatching(fill, from, direction, query.source.query)
    return { events: fill.events, next, end: next < 1 || next > head, head }
  }

  find(eventId: string): StoredEvent | undefined {
    this.#log.refresh()
    const place = this.#log.find(eventId, fingerprintOf(eventId))
    const [row] = place === undefined ? [] : this.#rowsAt([place.position])
    return row && eventOf(this.#log, row)
  }

  head(): number {
    this.#log.refresh()
    return this.#log.head
  }

  listStreams({ prefix, after, limit }: StreamsQuery): StreamsPage {
    this.#log.refresh()
    const streams: StreamInfo[] = []
    for (let last = after; ; ) {
      const rows = this.#streams.all(last, prefix, last, Math.min(limit + 1, listedStreams))
      if (rows.length === 0) return { streams, end: true }
      for (const [number, name, truncateBefore, tombstoned] of rows) {
        last = textOf(name)
        if (!last.startsWith(prefix)) return { streams, end: true }
        const version = this.#log.streams.versionOf(number)
        // A stream that only facts speak of was never written to.
        if (version === 0) continue
        if (streams.length === limit) return { streams, end: false }
        streams.push(streamInfo(last, { version, truncateBefore, tombstoned: tombstoned !== 0 }))
      }
    }
  }

  #readStream(streamId: string, query: ReadQuery): Page {
    const { number, version, truncateBefore, tombstoned } = this.#log.streams.find(streamId)
    const stream: StreamState = { version, truncateBefore, tombstoned }
    const fill = new PageFill(query)
    const next =
      query.direction === 'forward'
        ? this.#fillFromStream(fill, number, stream, Math.max(query.from, 1), forward)
        : this.#fillFromStream(fill, number, stream, Math.min(query.from, version), backward)
    return { events: fill.events, next, end: next < 1 || next > version, head: this.#log.head, stream }
  }

  /** This and the two below fill the page and answer where the next one begins. */
  #fillFromStream(fill: PageFill, number: number, stream: StreamState, from: number, direction: Direction): number {
    const { version, truncateBefore, tombstoned } = stream
    const past = direction === forward ? version + 1 : 0
    let next = from
    while (!fill.isFull && next >= 1 && next <= version) {
      if (tombstoned || (direction === backward && next < truncateBefore)) return past
      if (next < truncateBefore) {
        next = Math.min(truncateBefore, past)
        continue
      }
      const { firstVersion, positions } = this.#log.streams.runWith(number, next)
      const at = next - firstVersion
      const lowest = Math.max(truncateBefore - firstVersion, at - fill.wantedRows + 1, 0)
      const wanted =
        direction === forward ? positions.slice(at, at + fill.wantedRows) : positions.slice(lowest, at + 1).reverse()
      next += this.#take(fill, this.#rowsAt(wanted)) * direction.step
    }
    return next
  }

  #fillFromAll(fill: PageFill, from: number, direction: Direction): number {
    const { head } = this.#log
    let next = from
    while (!fill.isFull && next >= 1 && next <= head) {
      const rows =
        direction === forward
          ? this.#upwards.all(next, head, fill.wantedRows)
          : this.#downwards.all(next, fill.wantedRows)
      const unbroken = beforeAnyHole(rows, next, direction)
      if (unbroken.length > 0) next += this.#take(fill, unbroken) * direction.step
      else if (fill.events.length > 0) return next
      else throw new StoreCorrupt(`no event lies at position ${next}, up to the head ${head}`)
    }
    return next
  }

  #fillMatching(fill: PageFill, from: number, direction: Direction, query: NormalQuery): number {
    // A page that made no progress would be asked for again, for ever: allow more work until there is some.
    for (let entries = readBudgetEntries; ; entries *= 4) {
      const budget = new Budget(entries)
      const next = this.#fillWithin(budget, fill, from, direction, query)
      if (next !== from || !budget.isSpent) return next
    }
  }

  #fillWithin(budget: Budget, fill: PageFill, from: number, direction: Direction, query: NormalQuery): number {
    const past = direction === forward ? Math.max(from, this.#log.head + 1) : 0
    const cursor = this.#filters.walk(query, direction, budget)
    let next = from
    while (!fill.isFull && next !== past && !budget.isSpent) {
      const positions: number[] = []
      while (positions.length < fill.wantedRows) {
        const found = cursor.seek(next)
        next = found === direction.none ? past : found
        if (next === past || budget.isSpent) break
        positions.push(found)
        next = found + direction.step
      }
      const taken = this.#take(fill, this.#rowsAt(positions))
      if (fill.isFull) return (positions[taken - 1] as number) + direction.step
    }
    return next
  }

  #take(fill: PageFill, rows: readonly EventRow[]): number {
    let taken = 0
    for (const row of rows) {
      if (fill.isFull) break
      fill.add(eventOf(this.#log, row))
      taken++
    }
    return taken
  }

  /** The rows at these positions, in their order. */
  #rowsAt(positions: readonly number[]): readonly EventRow[] {
    if (positions.length === 0) return []
    const first = positions[0] as number
    const last = positions[positions.length - 1] as number
    const rows =
      last - first === positions.length - 1
        ? this.#upwards.all(first, last, positions.length)
        : this.#listed.all(`[${positions.join()}]`)
    if (rows.length !== positions.length) {
      throw new StoreCorrupt(
        `${positions.length - rows.length} events are missing between positions ${first} and ${last}`,
      )
    }
    return rows
  }
}

/** Only damage makes a hole. What lies before it can be saved; passing it would hide that events are lost. */
function beforeAnyHole(rows: readonly EventRow[], from: number, { step }: Direction): readonly EventRow[] {
  const last = rows[rows.length - 1]
  if (last !== undefined && last[0] === from + (rows.length - 1) * step) return rows
  return rows.filter(([position], at) => position === from + at * step)
}
