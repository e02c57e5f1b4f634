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

/** The arguments of the append function: see migrations/0003-the-append.ts for what each is. */
export function encodeBatch(batch: readonly AppendRequest[]): {
  readonly numbered: Numbered
  readonly values: unknown[]
} {
  const events = batch.length === 1 ? (batch[0] as AppendRequest).events : batch.flatMap((request) => request.events)
  // A check of 'any' asks nothing.
  const checked = batch.map((request) => request.checks.filter((check) => check.expectedVersion !== 'any'))
  const checks = checked.flat()
  const changes = changesIn(events)
  const streams = numberStreams(batch, checks, changes)
  const values = [
    nameArray(streams.ids),
    intArray(streams.counts),
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
    conditionsOf(batch, events),
    changes.length === 0
      ? null
      : JSON.stringify(changes.map(({ streamId, ...change }) => ({ ...change, stream: streams.numberOf(streamId) }))),
    twinsOf(events),
    streams.shared,
  ]
  return { numbered: { streamIds: streams.ids, checks, decode: decodeName }, values }
}

/** Content type, texts and blobs of the events' payloads or metadata; a column that says nothing is null. */
function payloadColumns(
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
