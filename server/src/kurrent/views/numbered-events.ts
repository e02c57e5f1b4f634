import type { EventStore } from 'varve'
import { type KurrentEvent, kurrentEventOf } from '../streams/kurrent-event.ts'
import type { Numbering } from './numbering.ts'
import type { View } from './view.ts'

/** An event of a view, and its number there. */
export interface NumberedEvent {
  readonly event: KurrentEvent
  readonly number: number
}

/** What to read of a view. */
export interface ViewReading {
  readonly store: EventStore
  readonly numbering: Numbering
  readonly view: View
  /** Number of the first entry to read; infinity for the last one there is. */
  readonly from: number
  /** Entries behind this position are not there yet. */
  readonly head: number
  readonly signal: AbortSignal
}

/** Reads a view upwards. Returns the number that the next entry behind the head will have. */
export async function* readUpwards(reading: ViewReading): AsyncGenerator<NumberedEvent, number> {
  const { store, numbering, view, from, head, signal } = reading
  const mark = await numbering.markFor(view, from, head, signal)
  let { number } = mark
  for await (const stored of store.readAll({ from: mark.position, filter: view.query, signal })) {
    if (stored.position > head) break
    const event = kurrentEventOf(stored)
    if (!view.includes(event)) continue
    if (number >= from) yield { event, number }
    number++
  }
  return number
}

/** Reads a view downwards. */
export async function* readDownwards(reading: ViewReading): AsyncGenerator<NumberedEvent> {
  const { store, view, signal } = reading
  const last = await lastAtOrBefore(reading)
  if (last === undefined) return
  let { number } = last
  for await (const stored of store.readAll({
    from: last.event.position,
    direction: 'backward',
    filter: view.query,
    signal,
  })) {
    const event = kurrentEventOf(stored)
    if (!view.includes(event)) continue
    yield { event, number }
    number--
  }
}

/** The entry to begin a read downwards with: counted from the mark before it. */
async function lastAtOrBefore(reading: ViewReading): Promise<NumberedEvent | undefined> {
  const { store, numbering, view, from, head, signal } = reading
  const mark = await numbering.markFor(view, from, head, signal)
  let last: NumberedEvent | undefined
  let { number } = mark
  for await (const stored of store.readAll({ from: mark.position, filter: view.query, signal })) {
    if (stored.position > head || number > from) break
    const event = kurrentEventOf(stored)
    if (view.includes(event)) last = { event, number: number++ }
  }
  return last
}
