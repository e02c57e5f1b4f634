import type { AppendRequest } from '../engine/engine.ts'
import type { AppendAllOptions, StreamWrite } from '../model/call.ts'
import { InvalidArgument, LimitExceeded, PayloadTooLarge } from '../model/errors.ts'
import type { EventToStore, NewEvent, NewEventMetadata } from '../model/event.ts'
import { type LimitName, limits } from '../model/limits.ts'
import { binaryContentType, jsonContentType, ownPayload, type Payload, payloadBytes } from '../model/payload.ts'
import { isPosition } from '../model/position.ts'
import { type AppendCondition, type NormalCondition, normalQuery } from '../model/query.ts'
import { metadataEventType, streamChangeOf, subjectOf, tombstoneEventType } from '../model/stream.ts'
import { isExpectedVersion } from '../model/version.ts'
import { encodeData, storedMetadata } from '../schema/codec.ts'
import { withCausation } from './causation.ts'
import { canonicalUuid, idFromKey } from './event-id.ts'

/** What an append needs from outside. */
export interface Stamps {
  readonly newId: () => string
  readonly now: () => number
}

/** A request ready for the engine, and its size for the queue's bounds. */
export interface PreparedAppend {
  readonly request: AppendRequest
  /** UTF-16 units of text and bytes of binary: what the queue holds in memory, cheaper to know than UTF-8 bytes. */
  readonly size: number
}

/**
 * Turns what a caller wrote into a request: every argument checked, every id and time assigned, every payload encoded.
 * Nothing below this has to ask again, and nothing was sent when it throws.
 */
export function prepareAppend(
  writes: readonly StreamWrite[],
  options: AppendAllOptions,
  stamps: Stamps,
): PreparedAppend {
  if (!Array.isArray(writes)) throw new InvalidArgument('writes', 'is not a list')
  if (writes.length > limits.appendStreams) throw new LimitExceeded('appendStreams', writes.length)
  const key = checkedKey(options.idempotencyKey)
  const recordedAtMs = stamps.now()
  const events: EventToStore[] = []
  const checks: { streamId: string; expectedVersion: AppendRequest['checks'][number]['expectedVersion'] }[] = []
  let size = 0
  for (const [place, write] of writes.entries()) {
    const at = writes.length === 1 ? '' : `writes[${place}].`
    checkStreamId(write.streamId, `${at}streamId`)
    const expectedVersion = write.expectedVersion ?? 'any'
    if (!isExpectedVersion(expectedVersion)) {
      throw new InvalidArgument(
        `${at}expectedVersion`,
        "is neither a version from 0 on nor 'any', 'no_stream' or 'stream_exists'",
      )
    }
    if (!Array.isArray(write.events)) throw new InvalidArgument(`${at}events`, 'is not a list')
    // A write that neither writes nor expects would be dropped in silence.
    if (write.events.length === 0 && expectedVersion === 'any') {
      throw new InvalidArgument(`${at}events`, 'is empty: append at least one event, or expect a version')
    }
    if (expectedVersion !== 'any') checks.push({ streamId: write.streamId, expectedVersion })
    for (const [index, event] of write.events.entries()) {
      const id = key === undefined ? undefined : idFromKey(key, write.streamId, index)
      const prepared = prepareEvent(write.streamId, event, `${at}events[${index}]`, id, recordedAtMs, stamps.newId)
      size += sizeOf(prepared.data) + sizeOf(prepared.metadata)
      events.push(prepared)
    }
  }
  checkWhole(writes, events, size)
  const condition = options.condition === undefined ? undefined : normalCondition(options.condition)
  return { request: { events, checks, ...(condition !== undefined && { condition }) }, size }
}

/**
 * Checks a stream id: any text of 1 to `limits.streamIdChars` characters that is well-formed Unicode.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function checkStreamId(streamId: unknown, argument = 'streamId'): asserts streamId is string {
  // The facts about a stream with the longest id allowed must fit into a stream too.
  const subject = typeof streamId === 'string' ? (subjectOf(streamId) ?? streamId) : streamId
  checkName(subject, argument, 'streamIdChars')
}

/**
 * Checks a condition and fills in its default.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function normalCondition(condition: AppendCondition): NormalCondition {
  if (typeof condition !== 'object' || condition === null) throw new InvalidArgument('condition', 'is not an object')
  const after = condition.after ?? 0
  if (!isPosition(after)) throw new InvalidArgument('condition.after', 'is not a position: a whole number from 0 on')
  if (condition.failIfMatch === undefined)
    throw new InvalidArgument('condition.failIfMatch', 'is missing: give a query')
  return { failIfMatch: normalQuery(condition.failIfMatch, 'condition.failIfMatch'), after }
}

function prepareEvent(
  streamId: string,
  event: NewEvent,
  at: string,
  derivedId: string | undefined,
  now: number,
  newId: () => string,
): EventToStore {
  if (typeof event !== 'object' || event === null) throw new InvalidArgument(at, 'is not an object')
  checkName(event.type, `${at}.type`, 'eventTypeChars')
  const { payload: data, contentType } = encodeData(event.data, checkedContentType(event.contentType, at), `${at}.data`)
  const metadata = prepareMetadata(event, at)
  const prepared: EventToStore = {
    id: event.id === undefined ? (derivedId ?? newId()) : checkedId(event.id, `${at}.id`),
    streamId,
    type: event.type,
    schemaVersion: checkedSchemaVersion(event.schemaVersion, `${at}.schemaVersion`),
    contentType,
    data,
    ...metadata,
    tags: checkedTags(event.tags, `${at}.tags`),
    recordedAtMs: event.timestamp === undefined ? now : checkedTime(event.timestamp, `${at}.timestamp`),
  }
  checkSize(prepared, at)
  if (streamChangeOf(prepared) === 'malformed') {
    throw new InvalidArgument(
      at,
      `is no fact about a stream: streams that begin with $$ take ${metadataEventType} with a JSON object, whose ` +
        `truncate_before is a version from 1 on if present, and ${tombstoneEventType}`,
    )
  }
  return prepared
}

function prepareMetadata(event: NewEvent, at: string): Pick<EventToStore, 'metadata' | 'metadataContentType'> {
  const { metadata } = event
  if (metadata instanceof Uint8Array) {
    return { metadata: ownPayload(metadata), metadataContentType: event.metadataContentType ?? binaryContentType }
  }
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))) {
    throw new InvalidArgument(`${at}.metadata`, 'is neither an object nor bytes')
  }
  if (metadata !== undefined && 'timestamp' in metadata) {
    throw new InvalidArgument(
      `${at}.metadata.timestamp`,
      'is set by the store; an import gives it as the timestamp of the event',
    )
  }
  const complete = withCausation(metadata as NewEventMetadata | undefined)
  return {
    metadata: complete === undefined ? '{}' : storedMetadata(complete, `${at}.metadata`),
    metadataContentType: jsonContentType,
  }
}

function checkWhole(writes: readonly StreamWrite[], events: readonly EventToStore[], size: number): void {
  if (events.length === 0) throw new InvalidArgument('events', 'is empty: append at least one event')
  if (events.length > limits.appendEvents) throw new LimitExceeded('appendEvents', events.length)
  if (size > limits.appendBytes) throw new LimitExceeded('appendBytes', size)
  if (events.length > 1 && new Set(events.map((event) => event.id)).size < events.length) {
    throw new InvalidArgument('events', 'has two events with the same id')
  }
  if (writes.length > 1 && new Set(writes.map((write) => write.streamId)).size < writes.length) {
    throw new InvalidArgument('writes', 'names one stream twice: put its events into one write')
  }
}

/** The exact size is looked at only when the cheap upper bound, three bytes per UTF-16 unit, does not settle it. */
function checkSize(event: EventToStore, at: string): void {
  if ((sizeOf(event.data) + sizeOf(event.metadata)) * 3 <= limits.eventBytes) return
  const bytes = payloadBytes(event.data) + payloadBytes(event.metadata)
  if (bytes > limits.eventBytes) throw new PayloadTooLarge(at, bytes)
}

function sizeOf(payload: Payload): number {
  return payload.length
}

function checkName(name: unknown, argument: string, limit: LimitName): asserts name is string {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument(argument, 'is not a non-empty string')
  if (name.length > limits[limit]) throw new LimitExceeded(limit, name.length)
  if (!name.isWellFormed()) throw new InvalidArgument(argument, 'has a lone surrogate, which no engine can store')
}

function checkedId(id: unknown, argument: string): string {
  const canonical = typeof id === 'string' ? canonicalUuid(id) : undefined
  if (canonical === undefined) throw new InvalidArgument(argument, 'is not a UUID')
  return canonical
}

function checkedKey(key: unknown): string | undefined {
  if (key === undefined) return undefined
  checkName(key, 'idempotencyKey', 'idempotencyKeyChars')
  return key
}

function checkedContentType(contentType: unknown, at: string): string | undefined {
  if (contentType === undefined) return undefined
  checkName(contentType, `${at}.contentType`, 'contentTypeChars')
  return contentType
}

function checkedSchemaVersion(version: unknown, argument: string): number {
  if (version === undefined) return 1
  if (!isPosition(version) || version === 0) throw new InvalidArgument(argument, 'is not a whole number from 1 on')
  return version
}

const noTags: readonly string[] = []

function checkedTags(tags: unknown, argument: string): readonly string[] {
  if (tags === undefined) return noTags
  if (!Array.isArray(tags)) throw new InvalidArgument(argument, 'is not a list')
  if (tags.length > limits.eventTags) throw new LimitExceeded('eventTags', tags.length)
  for (const [index, tag] of tags.entries()) checkName(tag, `${argument}[${index}]`, 'tagChars')
  return [...new Set<string>(tags)]
}

function checkedTime(time: unknown, argument: string): number {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (Number.isNaN(ms)) throw new InvalidArgument(argument, 'is no ISO 8601 time')
  return ms
}
