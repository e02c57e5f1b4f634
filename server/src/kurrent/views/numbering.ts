import { createHash } from 'node:crypto'
import { type EventStore, isVarveError } from 'varve'
import { kurrentEventOf } from '../streams/kurrent-event.ts'
import type { View } from './view.ts'

/**
 * Where the entries of views lie in the store.
 *
 * An index finds the events of a category, but not the thousandth one. So every so many entries a view has a mark: the
 * position of an entry whose number is known. From the nearest mark on, entries are counted. Marks follow from the log and
 * never change, so they are kept on the store's shelf, and a server that starts counts only what came since.
 */

/** A place to count from: the entry at this position, or the next one behind it, has this number. */
export interface Mark {
  readonly position: number
  readonly number: number
}

/** Entries from one mark to the next, to begin with. */
const firstStride = 256

/** Marks of one view. When there are more, every other one goes. */
const marksMax = 8_192

/** Entries counted since the marks were last kept, after which they are kept again: some tens of milliseconds of counting. */
const keepEvery = 16_384

/** Views whose marks are in memory; the one that was not asked for the longest goes first. */
const viewsMax = 1_000

/** What is known of a view. */
interface Counted {
  stride: number
  /** Positions of the entries whose numbers are 0, stride, 2 x stride and so on. */
  marks: number[]
  /** Entries up to {@link upTo}. */
  entries: number
  /** Everything up to this position was counted. */
  upTo: number
  /** {@link entries} when they were last kept. */
  kept: number
}

interface Numbered {
  counted: Counted | undefined
  /** Settles when the last of those who count is done. */
  turn: Promise<void>
}

const start: Mark = { position: 1, number: 0 }

/** The numbering of all views of a store. */
export class Numbering {
  readonly #store: EventStore
  readonly #views = new Map<string, Numbered>()

  constructor(store: EventStore) {
    this.#store = store
  }

  /**
   * The last mark at or before an entry, and not behind a position. Counts what was not counted yet, up to there.
   *
   * @param number of the entry; infinity for the last one.
   */
  async markFor(view: View, number: number, head: number, signal: AbortSignal): Promise<Mark> {
    if (number === 0) return start
    const counted = await this.#countedTo(view, number, head, signal)
    let index = Math.min(Math.floor(number / counted.stride), counted.marks.length - 1)
    while (index >= 0 && (counted.marks[index] as number) > head) index--
    return index < 0 ? start : { position: counted.marks[index] as number, number: index * counted.stride }
  }

  /** The number of the view's entry at a position, or of the next one behind it. */
  async numberAt(view: View, position: number, signal: AbortSignal): Promise<number> {
    const counted = await this.#countedTo(view, Number.POSITIVE_INFINITY, position, signal)
    const behind = counted.marks.findIndex((mark) => mark > position)
    const index = (behind < 0 ? counted.marks.length : behind) - 1
    if (index < 0) return 0
    let number = index * counted.stride
    const from = counted.marks[index] as number
    for await (const event of this.#store.readAll({ from, filter: view.query, signal })) {
      if (event.position >= position) break
      if (view.includes(kurrentEventOf(event))) number++
    }
    return number
  }

  /** One count at a time for each view: whoever asks meanwhile waits for it, and gains by it. */
  #countedTo(view: View, number: number, head: number, signal: AbortSignal): Promise<Counted> {
    const numbered = this.#views.get(view.name) ?? { counted: undefined, turn: Promise.resolve() }
    const count = async (): Promise<Counted> => {
      numbered.counted ??= await this.#load(view)
      const { counted } = numbered
      if (number >= counted.entries && head > counted.upTo) await this.#count(view, counted, head, signal)
      return counted
    }
    const result = numbered.turn.then(count)
    numbered.turn = result.then(
      () => undefined,
      () => undefined,
    )
    this.#views.delete(view.name)
    this.#views.set(view.name, numbered)
    const [oldest] = this.#views.keys()
    if (this.#views.size > viewsMax && oldest !== undefined) this.#views.delete(oldest)
    return result
  }

  async #count(view: View, counted: Counted, head: number, signal: AbortSignal): Promise<void> {
    const events = this.#store.readAll({ from: counted.upTo + 1, filter: view.query, signal })
    for await (const event of events) {
      if (event.position > head) break
      counted.upTo = event.position
      if (view.includes(kurrentEventOf(event))) addEntry(counted, event.position)
    }
    counted.upTo = head
    if (counted.entries - counted.kept >= keepEvery) await this.#keep(view, counted)
  }

  async #load(view: View): Promise<Counted> {
    const item = await this.#store.shelf.get(keyOf(view))
    return countedFrom(item?.value) ?? { stride: firstStride, marks: [], entries: 0, upTo: 0, kept: 0 }
  }

  async #keep(view: View, counted: Counted): Promise<void> {
    const { stride, marks, entries, upTo } = counted
    try {
      await this.#store.shelf.put(keyOf(view), { view: view.name.slice(0, 200), stride, marks, entries, upTo })
      counted.kept = entries
    } catch (error) {
      // Kept or not, the numbers are the same; a role that may only read has no shelf to write to.
      if (!isVarveError(error)) throw error
    }
  }
}

function addEntry(counted: Counted, position: number): void {
  if (counted.entries % counted.stride === 0) {
    if (counted.marks.length === marksMax) {
      counted.stride *= 2
      counted.marks = counted.marks.filter((_, index) => index % 2 === 0)
    }
    if (counted.entries % counted.stride === 0) counted.marks.push(position)
  }
  counted.entries++
}

/** Names of views may be longer than keys. */
function keyOf({ name }: View): string {
  return `kurrent/view/${createHash('sha256').update(name).digest('hex')}`
}

function countedFrom(value: unknown): Counted | undefined {
  const { stride, marks, entries, upTo } = (value ?? {}) as Partial<Counted>
  const isWhole = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0
  if (!isWhole(stride) || stride === 0 || !isWhole(entries) || !isWhole(upTo)) return undefined
  if (!Array.isArray(marks) || !marks.every(isWhole) || marks.length !== Math.ceil(entries / stride)) return undefined
  return { stride, marks, entries, upTo, kept: entries }
}
