import type { RecordedEvent } from 'varve'
import type { Numbering } from '../views/numbering.ts'
import type { View } from '../views/view.ts'

/** Events of a view that were read one after the other, from some event on. */
interface Run {
  /** The number of the first one, once somebody wanted to know. */
  first: Promise<number> | undefined
  readonly position: number
  count: number
}

/**
 * The numbers that events have in a view. Those that are read in a row are counted from the first of them, which costs
 * nothing; any other one is looked up.
 */
export class EntryNumbers {
  readonly #numbering: Numbering
  readonly #view: View
  readonly #places = new WeakMap<RecordedEvent, { readonly run: Run; readonly index: number }>()

  constructor(numbering: Numbering, view: View) {
    this.#numbering = numbering
    this.#view = view
  }

  /** Notes an event, which is the next one of the view after those noted by the same notebook. */
  notebook(): (event: RecordedEvent) => void {
    let run: Run | undefined
    return (event) => {
      run ??= { first: undefined, position: event.position, count: 0 }
      this.#places.set(event, { run, index: run.count++ })
    }
  }

  /** The number of an event. */
  async numberOf(event: RecordedEvent, signal: AbortSignal): Promise<number> {
    const place = this.#places.get(event)
    if (place === undefined) return this.#numbering.numberAt(this.#view, event.position, signal)
    const { run, index } = place
    run.first ??= this.#numbering.numberAt(this.#view, run.position, signal)
    try {
      return (await run.first) + index
    } catch (error) {
      run.first = undefined
      throw error
    }
  }
}
