import { type Appended, type AppendedAll, isVarveError, limits } from 'varve'
import { type Refusal, Refused } from '../refusal.ts'
import { type Expectation, revisionOf } from './expectation.ts'
import type { ProposedEvent } from './proposed-event.ts'

/** What a client appends to one stream. */
export interface ProposedWrite {
  readonly stream: string
  readonly expected: Expectation
  readonly events: readonly ProposedEvent[]
}

/** Where a write landed: the revision of its last event, and its position; none when it had no events. */
export interface LandedWrite {
  /** -1 when the stream has no events. */
  readonly revision: number
  readonly position: number | undefined
}

/** Of what is refused before it is all there: what an append may be, with room for how it is written on the wire. */
export const appendTooLarge: Refusal = {
  kind: 'append_too_large',
  allowed: limits.appendBytes,
  problem: `An append takes at most ${limits.appendEvents} events and ${limits.appendBytes} bytes. Split it.`,
}

/** Where the store put a write. */
export function landed({ version, position }: Appended): LandedWrite {
  return { revision: revisionOf(version), position }
}

/** Where the store put writes that it took together: their events lie one behind the other, in this order. */
export function landedAll(writes: readonly ProposedWrite[], appended: AppendedAll): readonly LandedWrite[] {
  let next = appended.firstPosition
  return writes.map(({ events }, at) => {
    next += events.length
    const isLast = at === writes.length - 1
    const position = isLast ? appended.position : next - 1
    return { revision: revisionOf(appended.streams[at]?.version ?? 0), position }
  })
}

/** A refusal of one of several writes. */
export function refusedAmong(error: unknown, writes: readonly ProposedWrite[]): unknown {
  const isNamed = isVarveError(error, 'VERSION_CONFLICT') || isVarveError(error, 'STREAM_TOMBSTONED')
  const isIt = ({ stream, events }: ProposedWrite): boolean =>
    isNamed ? stream === error.streamId : events.some(isTooLarge)
  const write = writes.find(isIt) ?? writes[0]
  return write === undefined ? error : refusedBy(error, write)
}

/** A refusal of the store in KurrentDB's words; every other error as it is. */
export function refusedBy(error: unknown, { stream, expected, events }: ProposedWrite): unknown {
  if (isVarveError(error, 'VERSION_CONFLICT')) {
    return new Refused({ kind: 'wrong_version', stream, expected, actual: revisionOf(error.actual) })
  }
  if (isVarveError(error, 'STREAM_TOMBSTONED')) return new Refused({ kind: 'stream_deleted', stream })
  if (isVarveError(error, 'PAYLOAD_TOO_LARGE')) {
    const { bytes, allowed } = error
    return new Refused({ kind: 'event_too_large', stream, eventId: events.find(isTooLarge)?.id ?? '', bytes, allowed })
  }
  if (isVarveError(error, 'LIMIT_EXCEEDED') && /^append/.test(error.limit)) {
    const { given, limit, message } = error
    const bytes = limit === 'appendBytes' ? { bytes: given } : {}
    return new Refused({ kind: 'append_too_large', ...bytes, allowed: limits.appendBytes, problem: message })
  }
  if (isVarveError(error, 'INVALID_ARGUMENT') || isVarveError(error, 'LIMIT_EXCEEDED')) {
    return new Refused({ kind: 'bad_request', problem: error.message })
  }
  return error
}

/** The store counts at least an empty object of metadata. */
function isTooLarge({ data, customMetadata }: ProposedEvent): boolean {
  return data.length + Math.max(customMetadata.length, 2) > limits.eventBytes
}
