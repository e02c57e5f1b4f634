import type { AppendRequest, StreamCheck } from '../engine/engine.ts'
import type { AppendAllOptions, StreamWrite } from '../model/call.ts'
import { conditionFields, newEventFields, writeFields } from '../model/call-fields.ts'
import { isCorrelationTag } from '../model/correlation.ts'
import { InvalidArgument, LimitExceeded, PayloadTooLarge } from '../model/errors.ts'
import type { EventToStore, NewEvent, NewEventMetadata } from '../model/event.ts'
import { refuseUnknownFields } from '../model/known-fields.ts'
import { type LimitName, limits } from '../model/limits.ts'
import { binaryContentType, jsonContentType, ownPayload } from '../model/payload.ts'
import { isPosition } from '../model/position.ts'
import { type AppendCondition, type NormalCondition, normalQuery } from '../model/query.ts'
import { metadataEventType, streamChangeOf, subjectOf, tombstoneEventType } from '../model/stream.ts'
import { momentOf, notIsoTime } from '../model/time.ts'
import { type ExpectedVersion, isExpectedVersion } from '../model/version.ts'
import { type Encoded, encodeData, storedMetadata } from '../schema/codec.ts'
import { correlationTag } from '../schema/correlation-tag.ts'
import { withCausation } from './causation.ts'
import { bytesAtMostOf, eventsBytes } from './event-bytes.ts'
import { canonicalUuid, idFromKey } from './event-id.ts'
import type { Stamps } from './stamps.ts'

/** A request ready for the engine, and its size for the queue's bounds. */
export interface PreparedAppend {
  readonly request: AppendRequest
  /** No less than its payloads and metadata have, and free to know. */
  readonly bytesAtMost: number
}

/** The full name of a part of what was given: made for a refusal only, not for every part of every event. */
type NameOf = (part: string) => string

const asGiven: NameOf = (part) => part

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
  const checks: StreamCheck[] = []
  let idsAreNew = key === undefined
  let bytesAtMost = 0
  let place = 0
  const inWrite: NameOf = (part) => (writes.length === 1 ? part : `writes[${place}].${part}`)
  const ofWrite = (): string => `writes[${place}]`
  for (; place < writes.length; place++) {
    const write = writes[place] as StreamWrite
    if (typeof write !== 'object' || write === null) throw new InvalidArgument(`writes[${place}]`, 'is not an object')
    refuseUnknownFields(write, writeFields, ofWrite)
    const { streamId } = write
    checkStreamId(streamId, 'streamId', inWrite)
    const expectedVersion = checkedExpectation(write, inWrite)
    if (expectedVersion !== 'any') checks.push({ streamId, expectedVersion })
    checkCount(events.length + write.events.length)
    let index = 0
    const inEvent: NameOf = (part) => inWrite(`events[${index}]${part}`)
    for (; index < write.events.length; index++) {
      const derivedId = key === undefined ? undefined : idFromKey(key, streamId, index)
      const given = { streamId, derivedId, recordedAtMs, newId: stamps.newId }
      const event = write.events[index] as NewEvent
      const prepared = prepareEvent(given, event, inEvent)
      if (event.id !== undefined) idsAreNew = false
      bytesAtMost += bytesAtMostOf(prepared)
      events.push(prepared)
      // Text has a third of that at the least: what is certainly too much is not all encoded, which memory may not hold.
      if (bytesAtMost > limits.appendBytes * 3) checkBytes(events)
    }
  }
  checkWhole(writes, events, bytesAtMost)
  const condition = options.condition === undefined ? undefined : normalCondition(options.condition)
  const request: AppendRequest = {
    events,
    checks,
    ...(condition !== undefined && { condition }),
    ...(idsAreNew && { idsAreNew }),
  }
  return { request, bytesAtMost }
}

/**
 * Checks a stream id: any text of 1 to `limits.streamIdChars` characters that is well-formed Unicode.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function checkStreamId(
  streamId: unknown,
  argument = 'streamId',
  nameOf: NameOf = asGiven,
): asserts streamId is string {
  // The facts about a stream with the longest id allowed must fit into a stream too.
  const subject = typeof streamId === 'string' ? (subjectOf(streamId) ?? streamId) : streamId
  checkName(subject, 'streamIdChars', argument, nameOf)
}

/**
 * Checks a condition and fills in its default.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function normalCondition(condition: AppendCondition): NormalCondition {
  if (typeof condition !== 'object' || condition === null) throw new InvalidArgument('condition', 'is not an object')
  refuseUnknownFields(condition, conditionFields, 'condition')
  const after = condition.after ?? 0
  if (!isPosition(after)) throw new InvalidArgument('condition.after', 'is not a position: a whole number from 0 on')
  if (condition.failIfMatch === undefined)
    throw new InvalidArgument('condition.failIfMatch', 'is missing: give a query')
  return { failIfMatch: normalQuery(condition.failIfMatch, 'condition.failIfMatch'), after }
}

function checkedExpectation(write: StreamWrite, nameOf: NameOf): ExpectedVersion {
  // Nothing but leaving it out says 'any': a null that a caller takes for a version must not turn the check off.
  const { expectedVersion = 'any' } = write
  if (!isExpectedVersion(expectedVersion)) {
    throw new InvalidArgument(
      nameOf('expectedVersion'),
      "is neither a version from 0 on nor 'any', 'no_stream' or 'stream_exists'",
    )
  }
  if (!Array.isArray(write.events)) throw new InvalidArgument(nameOf('events'), 'is not a list')
  // A write that neither writes nor expects would be dropped in silence.
  if (write.events.length === 0 && expectedVersion === 'any') {
    throw new InvalidArgument(nameOf('events'), 'is empty: append at least one event, or expect a version')
  }
  return expectedVersion
}

interface Given {
  readonly streamId: string
  /** The id that an idempotency key stands for. */
  readonly derivedId: string | undefined
  readonly recordedAtMs: number
  readonly newId: () => string
}

function prepareEvent(given: Given, event: NewEvent, nameOf: NameOf): EventToStore {
  if (typeof event !== 'object' || event === null) throw new InvalidArgument(nameOf(''), 'is not an object')
  if ('position' in event)
    throw new InvalidArgument(nameOf(''), 'is a recorded event: newEventFrom makes a new one of it')
  refuseUnknownFields(event, newEventFields, nameOf)
  checkName(event.type, 'eventTypeChars', '.type', nameOf)
  const { payload: data, contentType } = encodeData(event.data, checkedContentType(event.contentType, nameOf), () =>
    nameOf('.data'),
  )
  const metadata = prepareMetadata(event, nameOf)
  const prepared: EventToStore = {
    id: event.id === undefined ? (given.derivedId ?? given.newId()) : checkedId(event.id, nameOf),
    streamId: given.streamId,
    type: event.type,
    schemaVersion: checkedSchemaVersion(event.schemaVersion, nameOf),
    contentType,
    data,
    metadata: metadata.payload,
    metadataContentType: metadata.contentType,
    tags: withCorrelation(checkedTags(event.tags, nameOf), metadata.correlationId),
    recordedAtMs: event.timestamp === undefined ? given.recordedAtMs : checkedTime(event.timestamp, nameOf),
  }
  checkSize(prepared, nameOf)
  if (streamChangeOf(prepared) === 'malformed') {
    throw new InvalidArgument(
      nameOf(''),
      `is no fact about a stream: streams that begin with $$ take ${metadataEventType} with a JSON object, whose ` +
        `truncate_before is a version from 1 on if present, and ${tombstoneEventType}`,
    )
  }
  return prepared
}

interface EncodedMetadata extends Encoded {
  readonly correlationId?: unknown
}

const noMetadata: Encoded = { payload: '{}', contentType: jsonContentType }

function prepareMetadata(event: NewEvent, nameOf: NameOf): EncodedMetadata {
  const { metadata } = event
  if (metadata instanceof Uint8Array) {
    return { payload: ownPayload(metadata), contentType: event.metadataContentType ?? binaryContentType }
  }
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))) {
    throw new InvalidArgument(nameOf('.metadata'), 'is neither an object nor bytes')
  }
  if (metadata?.timestamp !== undefined) {
    throw new InvalidArgument(
      nameOf('.metadata.timestamp'),
      'is set by the store; an import gives it as the timestamp of the event',
    )
  }
  const complete = withCausation(metadata as NewEventMetadata | undefined)
  if (complete === undefined) return noMetadata
  const payload = storedMetadata(complete, () => nameOf('.metadata'))
  return { payload, contentType: jsonContentType, correlationId: correlationIdOf(complete) }
}

/** The one that is stored: of two names for it that are given, the last one is kept. */
function correlationIdOf(metadata: NewEventMetadata): unknown {
  const { correlationId, correlation_id: onWire } = metadata
  if (correlationId === undefined || onWire === undefined) return correlationId ?? onWire
  const names = Object.keys(metadata)
  return names.indexOf('correlationId') > names.indexOf('correlation_id') ? correlationId : onWire
}

function checkWhole(writes: readonly StreamWrite[], events: readonly EventToStore[], bytesAtMost: number): void {
  if (events.length === 0) throw new InvalidArgument('events', 'is empty: append at least one event')
  if (bytesAtMost > limits.appendBytes) checkBytes(events)
  if (events.length > 1 && new Set(events.map((event) => event.id)).size < events.length) {
    throw new InvalidArgument('events', 'has two events with the same id')
  }
  if (writes.length > 1 && new Set(writes.map((write) => write.streamId)).size < writes.length) {
    throw new InvalidArgument('writes', 'names one stream twice: put its events into one write')
  }
}

function checkCount(events: number): void {
  if (events > limits.appendEvents) throw new LimitExceeded('appendEvents', events)
}

function checkBytes(events: readonly EventToStore[]): void {
  const bytes = eventsBytes(events)
  if (bytes > limits.appendBytes) throw new LimitExceeded('appendBytes', bytes)
}

function checkSize(event: EventToStore, nameOf: NameOf): void {
  if (bytesAtMostOf(event) <= limits.eventBytes) return
  const bytes = eventsBytes([event])
  if (bytes > limits.eventBytes) throw new PayloadTooLarge(nameOf(''), bytes)
}

function checkName(name: unknown, limit: LimitName, part: string, nameOf: NameOf = asGiven): asserts name is string {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument(nameOf(part), 'is not a non-empty string')
  if (name.length > limits[limit]) throw new LimitExceeded(limit, name.length)
  if (!name.isWellFormed()) throw new InvalidArgument(nameOf(part), 'has a lone surrogate, which no engine can store')
}

function checkedId(id: unknown, nameOf: NameOf): string {
  const canonical = typeof id === 'string' ? canonicalUuid(id) : undefined
  if (canonical === undefined) throw new InvalidArgument(nameOf('.id'), 'is not a UUID')
  return canonical
}

function checkedKey(key: unknown): string | undefined {
  if (key === undefined) return undefined
  checkName(key, 'idempotencyKeyChars', 'idempotencyKey')
  return key
}

function checkedContentType(contentType: unknown, nameOf: NameOf): string | undefined {
  if (contentType === undefined) return undefined
  checkName(contentType, 'contentTypeChars', '.contentType', nameOf)
  return contentType
}

function checkedSchemaVersion(version: unknown, nameOf: NameOf): number {
  if (version === undefined) return 1
  if (!isPosition(version) || version === 0) {
    throw new InvalidArgument(nameOf('.schemaVersion'), 'is not a whole number from 1 on')
  }
  return version
}

const noTags: readonly string[] = []

function checkedTags(tags: unknown, nameOf: NameOf): readonly string[] {
  if (tags === undefined) return noTags
  if (!Array.isArray(tags)) throw new InvalidArgument(nameOf('.tags'), 'is not a list')
  if (tags.length > limits.eventTags) throw new LimitExceeded('eventTags', tags.length)
  for (const [index, tag] of tags.entries()) {
    checkName(tag, 'tagChars', `.tags[${index}]`, nameOf)
    if (isCorrelationTag(tag)) {
      throw new InvalidArgument(nameOf(`.tags[${index}]`), 'is a tag that the store gives: set metadata.correlationId')
    }
  }
  return [...new Set<string>(tags)]
}

function withCorrelation(tags: readonly string[], correlationId: unknown): readonly string[] {
  const tag = correlationTag(correlationId)
  return tag === undefined ? tags : [...tags, tag]
}

function checkedTime(time: unknown, nameOf: NameOf): number {
  const ms = momentOf(time)
  if (ms === undefined) throw new InvalidArgument(nameOf('.timestamp'), notIsoTime)
  return ms
}
