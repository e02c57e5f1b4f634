import assert from 'node:assert/strict'
import type {
  AppendOutcome,
  AppendRequest,
  Engine,
  Landed,
  Page,
  ReadQuery,
  StreamCheck,
  StreamsPage,
} from '../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { jsonContentType, type Payload, toBytes } from '../model/payload.ts'
import { lastPosition } from '../model/position.ts'
import type { NormalCondition, NormalQuery, NormalQueryItem } from '../model/query.ts'
import { metadataEventType, metadataStreamOf, tombstoneEventType } from '../model/stream.ts'
import type { ExpectedVersion } from '../model/version.ts'

/*
 * The port in the words of the cases: what they append, how they ask, and how they compare.
 */

let idsGiven = 0

/** As many ids of one millisecond as a writer that is busy gives. */
const idsPerMs = 64

/** A fresh event id, shaped like a UUIDv7: a time that rises, a counter within it, scattered at the end. */
export function newId(): string {
  idsGiven++
  const time = (0x0190_0000_0000 + Math.floor(idsGiven / idsPerMs)).toString(16).padStart(12, '0')
  const counter = (idsGiven % idsPerMs).toString(16).padStart(3, '0')
  const low = scattered(idsGiven)
  const high = scattered(idsGiven + 0x5bd1_e995)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-8${low.slice(3, 6)}-${high}${low.slice(4)}`
}

function scattered(value: number): string {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0')
}

/** An event on its way into `streamId`; what a case does not care about is filled in. */
export function eventFor(streamId: string, fields: Partial<EventToStore> = {}): EventToStore {
  return {
    id: newId(),
    streamId,
    type: 'Happened',
    schemaVersion: 1,
    contentType: jsonContentType,
    data: '{}',
    metadataContentType: jsonContentType,
    metadata: '{}',
    tags: [],
    recordedAtMs: 1_700_000_000_000,
    ...fields,
  }
}

/** Several events for one stream. */
export function eventsFor(streamId: string, count: number): EventToStore[] {
  return Array.from({ length: count }, () => eventFor(streamId))
}

/** The fact that hides what lies before `version` in a stream. */
export function truncation(streamId: string, version: number): EventToStore {
  return metadataFact(streamId, JSON.stringify({ truncate_before: version }))
}

/** A fact in a stream's metadata stream, whatever it says. */
export function metadataFact(streamId: string, data: Payload): EventToStore {
  return eventFor(metadataStreamOf(streamId), { type: metadataEventType, data })
}

/** The fact that closes a stream for ever. */
export function tombstone(streamId: string): EventToStore {
  return eventFor(metadataStreamOf(streamId), { type: tombstoneEventType })
}

/** An append request without expectations, or with those given. */
export function request(
  events: readonly EventToStore[],
  expectations: Omit<Partial<AppendRequest>, 'events'> = {},
): AppendRequest {
  return { events, checks: [], ...expectations }
}

/** One expectation, as the checks of a request. */
export function expecting(
  streamId: string,
  expectedVersion: ExpectedVersion,
): { readonly checks: readonly StreamCheck[] } {
  return { checks: [{ streamId, expectedVersion }] }
}

/** A query item; what is not given is no constraint. */
export function item(fields: Partial<NormalQueryItem>): NormalQueryItem {
  return { types: [], tags: [], categories: [], streamPrefix: '', ...fields }
}

/** A condition: no event that matches any of the items above `after`. */
export function unless(failIfMatch: NormalQuery | NormalQueryItem, after = 0): { readonly condition: NormalCondition } {
  const query = failIfMatch === 'everything' || Array.isArray(failIfMatch) ? failIfMatch : [failIfMatch]
  return { condition: { failIfMatch: query as NormalQuery, after } }
}

/** Appends one request alone and gives its outcome. */
export async function outcomeOf(engine: Engine, one: AppendRequest): Promise<AppendOutcome> {
  const outcomes = await engine.append([one])
  assert.equal(outcomes.length, 1, 'one request has one outcome')
  return outcomes[0] as AppendOutcome
}

/** What became of a request, without where. */
export async function statusOf(engine: Engine, one: AppendRequest): Promise<AppendOutcome['status']> {
  return (await outcomeOf(engine, one)).status
}

/** What became of each request of a batch, without where. */
export async function statusesOf(engine: Engine, batch: readonly AppendRequest[]): Promise<AppendOutcome['status'][]> {
  return (await engine.append(batch)).map((outcome) => outcome.status)
}

/** Appends what nothing speaks against, and tells where it landed. */
export async function land(engine: Engine, ...events: readonly EventToStore[]): Promise<Landed> {
  return landed(await outcomeOf(engine, request(events)))
}

/** The outcome of an append that must have been done. */
export function landed(outcome: AppendOutcome | undefined): Landed {
  assert.equal(outcome?.status, 'done', `the append is done; its outcome: ${JSON.stringify(outcome)}`)
  return outcome as Landed
}

/** Asks for one page; what a case does not care about is filled in so that a page holds everything of a small store. */
export function page(engine: Engine, source: ReadQuery['source'], options: Partial<ReadQuery> = {}): Promise<Page> {
  const from = options.direction === 'backward' ? lastPosition : 1
  return engine.read({
    source,
    direction: 'forward',
    from,
    limit: limits.pageEvents,
    maxBytes: limits.pageBytes,
    ...(isInShards(engine, source) && { shard: 0 }),
    ...options,
  })
}

function isInShards({ capabilities }: Engine, source: ReadQuery['source']): boolean {
  return capabilities.logShards > 1 && 'query' in source
}

/** The whole log as a source. */
export const wholeLog: ReadQuery['source'] = { query: 'everything' }

/** Reads page after page until the end, holding the engine to what a page promises about going on. */
export async function pages(
  engine: Engine,
  source: ReadQuery['source'],
  options: Partial<ReadQuery> = {},
): Promise<Page[]> {
  const found: Page[] = []
  let from = options.from
  for (;;) {
    const one = await page(engine, source, from === undefined ? options : { ...options, from })
    found.push(one)
    if (one.end) return found
    if (from !== undefined)
      assert.notEqual(one.next, from, `page ${found.length} goes on where it began: a reader never gets further`)
    // More pages than any case has events, windows and bytes for: the engine turns in circles.
    assert.ok(found.length < 20_000, 'a read comes to its end within 20,000 pages')
    from = one.next
  }
}

/** All events of a source, read page after page; of a log with several shards that of each, ordered by position. */
export async function read(
  engine: Engine,
  source: ReadQuery['source'],
  options: Partial<ReadQuery> = {},
): Promise<StoredEvent[]> {
  if (options.shard !== undefined || !isInShards(engine, source)) {
    return (await pages(engine, source, options)).flatMap((one) => one.events)
  }
  const shards = Array.from({ length: engine.capabilities.logShards }, (_, shard) =>
    read(engine, source, { ...options, shard }),
  )
  const order = options.direction === 'backward' ? -1 : 1
  return (await Promise.all(shards)).flat().sort((left, right) => order * (left.position - right.position))
}

/** All events of one stream, forward. */
export function eventsOf(engine: Engine, streamId: string): Promise<StoredEvent[]> {
  return read(engine, { streamId })
}

/** All events of the log, or those that match. */
export function logOf(engine: Engine, query: NormalQuery = 'everything'): Promise<StoredEvent[]> {
  return read(engine, { query })
}

/** The ids of events, in their order: what most cases compare. */
export function idsOf(events: readonly { readonly id: string }[]): string[] {
  return events.map((event) => event.id)
}

/** Lists every stream, page after page. */
export async function listStreams(
  engine: Engine,
  prefix = '',
  limit: number = limits.pageStreams,
): Promise<StreamsPage['streams'][number][]> {
  const found: StreamsPage['streams'][number][] = []
  for (;;) {
    const one = await engine.streams({ prefix, after: found.at(-1)?.streamId ?? '', limit })
    found.push(...one.streams)
    if (one.end) return found
    assert.ok(one.streams.length > 0, 'a page of the listing that is not the end names a stream')
    assert.ok(found.length < 200_000, 'a listing comes to its end')
  }
}

/** An event with its payloads as comparable text, whichever form the engine returned them in. */
export function comparable<Event extends EventToStore>(
  event: Event,
): Omit<Event, 'data' | 'metadata'> & { data: string; metadata: string } {
  return { ...event, data: bytesAsText(event.data), metadata: bytesAsText(event.metadata) }
}

/** Bytes as text, one character for each. */
export function bytesAsText(payload: Payload): string {
  return Buffer.from(toBytes(payload)).toString('latin1')
}

/**
 * Sends requests as group commit does: those that wait are gathered into one batch, and no more batches are under way
 * than the engine allows.
 */
export function committer(engine: Engine): (one: AppendRequest) => Promise<AppendOutcome> {
  const queue: { readonly one: AppendRequest; readonly settle: (outcome: Promise<AppendOutcome>) => void }[] = []
  let underWay = 0

  async function commit(): Promise<void> {
    if (underWay >= engine.capabilities.batchesInFlight) return
    underWay++
    while (queue.length > 0) {
      const batch = queue.splice(0, 64)
      const outcomes = engine.append(batch.map(({ one }) => one))
      batch.forEach(({ settle }, index) => {
        settle(outcomes.then((all) => all[index] as AppendOutcome))
      })
      await outcomes.catch(() => undefined)
    }
    underWay--
  }

  return (one) =>
    new Promise((resolve) => {
      queue.push({ one, settle: resolve })
      // A turn later, so that whoever else is about to append comes along.
      setImmediate(() => void commit())
    })
}

/** How many append at the same time, and how often each. */
export interface Race {
  readonly writers: number
  readonly appends: number
}

/** Has writers race, each on a stream of its own, and looks again and again meanwhile; once more when all have landed. */
export async function whileRacing(
  engine: Engine,
  { writers, appends }: Race,
  look: () => Promise<void>,
): Promise<void> {
  const commit = committer(engine)
  const write = async (writer: number): Promise<void> => {
    for (let turn = 0; turn < appends; turn++) {
      landed(await commit(request(eventsFor(`Order-${writer}`, 1 + (turn % 3)))))
    }
  }
  let racing = true
  const race = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer))).finally(() => {
    racing = false
  })
  race.catch(() => undefined)
  for (let last = false; !last; ) {
    last = !racing
    await look()
    await new Promise(setImmediate)
  }
  await race
}
