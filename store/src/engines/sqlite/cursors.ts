/**
 * Walking over sorted positions: terms, their unions and intersections. A cursor answers `seek(p)` with the nearest
 * position at or beyond p, in its direction, and is only ever asked about positions that move on.
 */

import { firstAtOrAbove } from './postings.ts'

/** One way through the log. */
export interface Direction {
  readonly step: 1 | -1
  /** What a seek answers when nothing is left; beyond every position. */
  readonly none: number
}

/** The two directions. */
export const forward: Direction = { step: 1, none: Number.POSITIVE_INFINITY }
/** From the head down; positions begin at 1. */
export const backward: Direction = { step: -1, none: 0 }

/** Finds the nearest position. */
export interface Cursor {
  seek(position: number): number
}

/**
 * Bounds the work of one call. Once it is spent, a cursor answers with a position before which nothing matches,
 * unconfirmed: the caller stops there and goes on from there in the next call.
 */
export class Budget {
  #left: number

  /** In list entries looked at; a look at the database counts as {@link lookCost} of them. */
  constructor(entries: number) {
    this.#left = entries
  }

  spend(entries: number): void {
    this.#left -= entries
  }

  get isSpent(): boolean {
    return this.#left < 0
  }
}

/** What one statement costs, in list entries unpacked. */
export const lookCost = 50

/** Whether `left` comes before `right` on the way. */
export function isBefore(direction: Direction, left: number, right: number): boolean {
  return direction.step > 0 ? left < right : left > right
}

/** Walks lists that are loaded one at a time; `load` gives the nearest one with an entry at or beyond a position. */
export function listCursor(
  direction: Direction,
  budget: Budget,
  load: (position: number) => readonly number[] | undefined,
): Cursor {
  let list: readonly number[] | undefined = []
  return {
    seek: (position) => {
      if (list === undefined) return direction.none
      const found = nearest(direction, list, position)
      if (found !== undefined) return found
      list = load(position)
      budget.spend(lookCost + (list?.length ?? 0))
      return (list && nearest(direction, list, position)) ?? direction.none
    },
  }
}

/** Every position from 1 to `head`. */
export function everyPosition(direction: Direction, head: number): Cursor {
  return {
    seek: (position) => {
      if (direction.step > 0) return position > head ? direction.none : Math.max(position, 1)
      return position < 1 ? direction.none : Math.min(position, head)
    },
  }
}

/** What any of the cursors finds. */
export function union(direction: Direction, cursors: readonly Cursor[]): Cursor {
  const [only] = cursors
  if (cursors.length === 1 && only !== undefined) return only
  const found: number[] = []
  return {
    seek: (position) => {
      let best = direction.none
      cursors.forEach((cursor, index) => {
        let at = found[index]
        if (at === undefined || isBefore(direction, at, position)) {
          at = cursor.seek(position)
          found[index] = at
        }
        if (isBefore(direction, at, best)) best = at
      })
      return best
    },
  }
}

/** What all of the cursors find: each seeks to where another one stands, until all stand at one place. */
export function intersection(direction: Direction, cursors: readonly Cursor[], budget: Budget): Cursor {
  const [only] = cursors
  if (cursors.length === 1 && only !== undefined) return only
  return {
    seek: (position) => {
      let candidate = position
      for (;;) {
        const before = candidate
        for (const cursor of cursors) {
          candidate = cursor.seek(candidate)
          if (candidate === direction.none) return direction.none
        }
        budget.spend(cursors.length)
        if (candidate === before || budget.isSpent) return candidate
      }
    },
  }
}

/** What a cursor finds and a look at the row confirms. */
export function confirmed(
  direction: Direction,
  cursor: Cursor,
  budget: Budget,
  matches: (position: number) => boolean,
): Cursor {
  return {
    seek: (position) => {
      let at = cursor.seek(position)
      while (at !== direction.none && !budget.isSpent && !matches(at)) {
        budget.spend(lookCost)
        at = cursor.seek(at + direction.step)
      }
      return at
    },
  }
}

function nearest({ step }: Direction, list: readonly number[], position: number): number | undefined {
  return step > 0 ? list[firstAtOrAbove(list, position)] : list[firstAtOrAbove(list, position + 1) - 1]
}
