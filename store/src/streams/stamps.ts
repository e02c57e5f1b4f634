import type { Clock } from '../engine/clock.ts'
import { InvalidArgument } from '../model/errors.ts'
import { canonicalUuid, createIdSource } from './event-id.ts'

/** What an append needs from outside. */
export interface Stamps {
  readonly newId: () => string
  readonly now: () => number
}

/** The last moment that a date can have (ECMA-262, section 21.4.1.1): no other one has a form in ISO 8601. */
const lastDateMs = 8_640_000_000_000_000

/**
 * Times, and ids for events that have none. Clock and ids may be a caller's own: a clock may measure fractions, or be an
 * instance of a class, and an id that is no UUID would be stored and never be found again.
 *
 * @throws INVALID_ARGUMENT by its calls.
 */
export function createStamps(clock: Clock, newId?: () => string): Stamps {
  return {
    newId: newId === undefined ? createIdSource(clock) : () => checkedId(newId()),
    now: () => checkedMs(clock.now()),
  }
}

function checkedId(id: unknown): string {
  const canonical = typeof id === 'string' ? canonicalUuid(id) : undefined
  if (canonical === undefined) throw new InvalidArgument('newId', `gave ${JSON.stringify(id)}, which is not a UUID`)
  return canonical
}

function checkedMs(now: number): number {
  const ms = Math.floor(now)
  if (Math.abs(ms) <= lastDateMs) return ms
  throw new InvalidArgument('clock', `says that it is ${now}, which is no time in milliseconds since 1970`)
}
