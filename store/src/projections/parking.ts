import { isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { ProjectionFailed } from '../model/event-errors.ts'
import type { FailedEvent, ParkedInProjection } from '../model/projection-status.ts'

/** Characters of a reason that are kept: enough for a message, not for a dump of what it is about. */
const reasonChars = 1_000

/** What is remembered about an event that is set aside. */
export function parkedDetail(
  { id, type, streamId, position }: RecordedEvent,
  why: {
    readonly generation: number
    readonly partition: number
    readonly key: string | undefined
    readonly error: unknown
    readonly attempts: number
    readonly atMs: number
  },
): ParkedInProjection {
  const { key, error, ...rest } = why
  const { code, reason } = error === undefined ? behindParked : reasonOf(error)
  return { ...rest, position, eventId: id, eventType: type, streamId, ...(key !== undefined && { key }), code, reason }
}

const behindParked = { code: 'EARLIER_ONE_PARKED', reason: 'An earlier event of the same key is parked.' }

/** Code and text of whatever was thrown. */
export function reasonOf(error: unknown): { readonly code: string; readonly reason: string } {
  if (!(error instanceof Error)) return { code: 'THROWN', reason: shortened(String(error)) }
  return { code: isVarveError(error) ? error.code : error.name, reason: shortened(error.message) }
}

/** The event that a failure of a projection names. */
export function failedEvent({ position, eventId, eventType, streamId }: ProjectionFailed): FailedEvent {
  return { position, id: eventId, type: eventType, streamId }
}

function shortened(text: string): string {
  const chars = text.toWellFormed()
  return chars.length > reasonChars ? `${chars.slice(0, reasonChars - 1).toWellFormed()}…` : chars
}
