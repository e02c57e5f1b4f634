/**
 * The subscription as a pure machine: no clock, no I/O.
 *
 * initial > reading > (page that is not the end) > reading
 *                   > (page that is the end)     > waiting > (something newer) > reading
 *
 * Invariants: places only rise; an event is delivered at most once, whatever pages overlap; a mark at p comes after
 * every matching event up to p; `caught_up` comes once each time the end is reached.
 */
import type { StoredEvent } from '../model/event.ts'

/** What the machine needs of a page of events. */
export interface CatchUpPage {
  readonly events: readonly StoredEvent[]
  readonly next: number
  readonly end: boolean
  readonly head: number
}

/** Where a subscription stands. */
export interface CatchUpState {
  readonly phase: 'initial' | 'reading' | 'waiting'
  /** The next place to read: a position, or a version of the one stream followed. */
  readonly cursor: number
}

/** What happened. */
export type CatchUpInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'page'; readonly page: CatchUpPage }
  | { readonly kind: 'moved' }

/** What to do next, in order. The last effect is always a `read` or a `wait`. */
export type CatchUpEffect =
  | { readonly kind: 'read'; readonly from: number }
  | { readonly kind: 'deliver'; readonly event: StoredEvent }
  | { readonly kind: 'mark'; readonly mark: 'checkpoint' | 'caught_up'; readonly position: number }
  | { readonly kind: 'wait'; readonly beyondHead: number }

/** The state of a subscription that begins at a place, inclusive. */
export function catchUpFrom(from: number): CatchUpState {
  return { phase: 'initial', cursor: Math.max(from, 1) }
}

/** One step of the machine. `placeOf` is the event's position, or its version when one stream is followed. */
export function catchUp(
  state: CatchUpState,
  input: CatchUpInput,
  placeOf: (event: StoredEvent) => number,
): { readonly state: CatchUpState; readonly effects: readonly CatchUpEffect[] } {
  if (input.kind !== 'page') {
    return { state: { ...state, phase: 'reading' }, effects: [{ kind: 'read', from: state.cursor }] }
  }
  const { page } = input
  const fresh = page.events.filter((event) => placeOf(event) >= state.cursor)
  const cursor = Math.max(state.cursor, page.next)
  const delivered = fresh.map((event): CatchUpEffect => ({ kind: 'deliver', event }))
  const position = cursor - 1
  if (page.end) {
    return {
      state: { phase: 'waiting', cursor },
      effects: [...delivered, { kind: 'mark', mark: 'caught_up', position }, { kind: 'wait', beyondHead: page.head }],
    }
  }
  return {
    state: { phase: 'reading', cursor },
    effects: [...delivered, { kind: 'mark', mark: 'checkpoint', position }, { kind: 'read', from: cursor }],
  }
}
