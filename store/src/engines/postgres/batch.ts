import type { AppendRequest, StreamCheck } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { jsonContentType, type Payload } from '../../model/payload.ts'
import { matchesQuery, type NormalCondition, type NormalQueryItem } from '../../model/query.ts'
import { streamChangeOf } from '../../model/stream.ts'
import type { ExpectedVersion } from '../../model/version.ts'
import { bigintArray, byteArray, intArray, nameArray, textArray, uuidArray } from './encode.ts'
import { decodeName, encodeName } from './names.ts'

/** The batch with its streams and checks numbered, to understand the answer by. */
export interface Numbered {
  /** Number n lies at n - 1. */
  readonly streamIds: readonly string[]
  readonly checks: readonly StreamCheck[]
  readonly decode: (storedName: string) => string
}

/** Expected versions that are no version. */
const expectsNoStream = -1
const expectsStream = -2

/** A batch as the arguments of an append function, and which. */
export interface EncodedBatch {
  readonly numbered: Numbered
  readonly values: unknown[]
  /** For `append_together`, which has what each stream is expected to be in third place; else for `append`. */
  readonly together: boolean
}

/**
 * The arguments of the function that appends a batch: see migrations/0003-the-append.ts for what each is. Where all requests
 * may well be done (migrations/0009-append-together.ts) and `hopeful` says to try, those of that function.
 */
export function encodeBatch(batch: readonly AppendRequest[], hopeful: boolean): EncodedBatch {
  const events = batch.length === 1 ? (batch[0] as AppendRequest).events : batch.flatMap((request) => request.events)
  // A check of 'any' asks nothing.
  const checked = batch.map((request) => request.checks.filter((check) => check.expectedVersion !== 'any'))
  const checks = checked.flat()
  const changes = changesIn(events)
  const streams = numberStreams(batch, checks, changes)
  const conditions = conditionsOf(batch, events)
  const twins = twinsOf(events)
  const isPlain = conditions === null && twins === null && changes.length === 0
  const expecteds = hopeful && isPlain ? expectedsOf(streams, checks) : undefined
  const values = [
    nameArray(streams.ids),
    intArray(streams.counts),
    ...(expecteds === undefined ? [] : [expecteds]),
    intArray(streams.ofEvents),
    intArray(streams.placesOfEvents),
    uuidArray(events.map((event) => event.id)),
    nameArray(events.map((event) => event.type)),
    bigintArray(events.map((event) => event.schemaVersion)),
    bigintArray(events.map((event) => event.recordedAtMs)),
    ...payloadColumns(events, 'contentType', 'data'),
    ...payloadColumns(events, 'metadataContentType', 'metadata'),
    some(textArray, events.map(tagList)),
    intArray(ends(batch.map((request) => request.events.length))),
    intArray(ends(checked.map((one) => one.length))),
    checks.length === 0 ? null : intArray(checks.map((check) => streams.numberOf(check.streamId))),
    checks.length === 0 ? null : bigintArray(checks.map((check) => expectation(check.expectedVersion))),
    ...(expecteds === undefined ? [conditions, changesOf(streams, changes), twins, streams.shared] : []),
  ]
  const numbered = { streamIds: streams.ids, checks, decode: decodeName }
  return { numbered, values, together: expecteds !== undefined }
}

/**
 * What each stream is expected to be before the batch, null for anything of all. Undefined where a stream has to do with two
 * requests, or is checked twice or without being written: then the requests have to be judged one after the other.
 */
function expectedsOf(streams: Streams, checks: readonly StreamCheck[]): Buffer | null | undefined {
  if (streams.shared || streams.counts.includes(0)) return undefined
  if (checks.length === 0) return null
  const expecteds: (number | undefined)[] = streams.ids.map(() => undefined)
  for (const { streamId, expectedVersion } of checks) {
    const index = streams.numberOf(streamId) - 1
    if (expecteds[index] !== undefined) return undefined
    expecteds[index] = expectation(expectedVersion)
  }
  return bigintArray(expecteds)
}

function changesOf(streams: Streams, changes: readonly Change[]): string | null {
  if (changes.length === 0) return null
  return JSON.stringify(changes.map(({ streamId, ...change }) => ({ ...change, stream: streams.numberOf(streamId) })))
}

/** Content type, texts and blobs of the events' payloads or metadata; a column that says nothing is null. */
export function payloadColumns(
  events: readonly EventToStore[],
  contentType: 'contentType' | 'metadataContentType',
  payload: 'data' | 'metadata',
): unknown[] {
  return [
    some(
      nameArray,
      events.map((event) => (event[contentType] === jsonContentType ? undefined : event[contentType])),
    ),
    some(
      textArray,
      events.map((event) => textOf(event[payload])),
    ),
    some(
      byteArray,
      events.map((event) => bytesOf(event[payload])),
    ),
  ]
}

function some<Value>(
  encode: (values: readonly (Value | undefined)[]) => Buffer,
  values: (Value | undefined)[],
): unknown {
  return values.some((value) => value !== undefined) ? encode(values) : null
}

/** Text without NUL is stored as text; everything else as bytes. */
export function textOf(payload: Payload): string | undefined {
  return typeof payload === 'string' && !payload.includes('\0') ? payload : undefined
}

/** What {@link textOf} leaves. */
export function bytesOf(payload: Payload): Uint8Array | undefined {
  if (typeof payload !== 'string') return payload
  return payload.includes('\0') ? Buffer.from(payload) : undefined
}

/** Tags as the text form of an array, undefined for none. */
export function tagList({ tags }: EventToStore): string | undefined {
  if (tags.length === 0) return undefined
  return `{${tags.map((tag) => `"${encodeName(tag).replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}

function ends(lengths: readonly number[]): readonly number[] {
  let end = 0
  return lengths.map((length) => {
    end += length
    return end
  })
}

/** An expected version as the functions take it. */
export function expectation(expected: ExpectedVersion): number {
  if (expected === 'no_stream' || expected === 0) return expectsNoStream
  return expected === 'stream_exists' ? expectsStream : (expected as number)
}

interface Streams {
  /** Sorted: any one order will do for the locks, as long as every process has it. */
  readonly ids: readonly string[]
  readonly counts: readonly number[]
  readonly ofEvents: readonly number[]
  /** Place of each event among those of its stream in this batch, from 1. */
  readonly placesOfEvents: readonly number[]
  /** True when two requests have to do with one stream. */
  readonly shared: boolean
  readonly numberOf: (streamId: string) => number
}

function numberStreams(
  batch: readonly AppendRequest[],
  checks: readonly StreamCheck[],
  changes: readonly { readonly streamId: string }[],
): Streams {
  const lastUser = new Map<string, number>()
  let shared = false
  for (const [index, request] of batch.entries()) {
    for (const { streamId } of [...request.events, ...request.checks]) {
      const user = lastUser.get(streamId)
      if (user === index) continue
      if (user !== undefined) shared = true
      lastUser.set(streamId, index)
    }
  }
  for (const { streamId } of [...checks, ...changes]) if (!lastUser.has(streamId)) lastUser.set(streamId, -1)
  const ids = [...lastUser.keys()].sort()
  const numbers = new Map(ids.map((id, index) => [id, index + 1]))
  const numberOf = (streamId: string): number => numbers.get(streamId) as number
  const counts = ids.map(() => 0)
  const ofEvents: number[] = []
  const placesOfEvents: number[] = []
  for (const request of batch) {
    for (const { streamId } of request.events) {
      const number = numberOf(streamId)
      const place = (counts[number - 1] ?? 0) + 1
      counts[number - 1] = place
      ofEvents.push(number)
      placesOfEvents.push(place)
    }
  }
  return { ids, counts, ofEvents, placesOfEvents, shared, numberOf }
}

interface Change {
  readonly event: number
  readonly streamId: string
  readonly truncate_before?: number
  readonly tombstoned?: true
}

function changesIn(events: readonly EventToStore[]): readonly Change[] {
  const changes: Change[] = []
  for (const [index, event] of events.entries()) {
    const change = streamChangeOf(event)
    if (change === undefined || change === 'malformed') continue
    const { streamId, truncateBefore, tombstoned } = change
    changes.push({
      event: index + 1,
      streamId,
      ...(truncateBefore !== undefined && { truncate_before: truncateBefore }),
      ...(tombstoned && { tombstoned }),
    })
  }
  return changes
}

/** By request: the condition, and which events of earlier requests match it. */
function conditionsOf(batch: readonly AppendRequest[], events: readonly EventToStore[]): string | null {
  const conditions: Record<string, unknown> = {}
  let earlier = 0
  for (const [index, { condition, events: own }] of batch.entries()) {
    if (condition !== undefined) conditions[index + 1] = encodeCondition(condition, events.slice(0, earlier))
    earlier += own.length
  }
  return Object.keys(conditions).length === 0 ? null : JSON.stringify(conditions)
}

function encodeCondition({ after, failIfMatch }: NormalCondition, before: readonly EventToStore[]): unknown {
  if (failIfMatch === 'everything') return { after, items: null }
  const earlier = before.flatMap((event, index) => (matchesQuery(failIfMatch, event) ? [index + 1] : []))
  return { after, items: failIfMatch.map(encodeItem), earlier }
}

function encodeItem({ types, tags, categories, streamPrefix }: NormalQueryItem): unknown {
  return {
    types: types.map(encodeName),
    tags: tags.map(encodeName),
    categories: categories.map(encodeName),
    prefix: encodeName(streamPrefix),
  }
}

/** For each event the earlier one of the batch with the same id, from 1; null when there is none at all. */
function twinsOf(events: readonly EventToStore[]): unknown {
  const firsts = new Map<string, number>()
  let found = false
  const twins = events.map(({ id }, index) => {
    const first = firsts.get(id)
    if (first === undefined) firsts.set(id, index + 1)
    else found = true
    return first ?? 0
  })
  return found ? intArray(twins) : null
}
