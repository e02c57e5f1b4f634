import { createHash } from 'node:crypto'
import {
  type AppendAllOptions,
  type CallOptions,
  type EventStore,
  isVarveError,
  type NewEvent,
  type RecordedEvent,
  type StreamWrite,
} from 'varve'
import { Refused } from '../refusal.ts'
import { type Expectation, expectedVersionOf, repeats, revisionOf } from './expectation.ts'
import { clientIdOf, idTagPrefix } from './kurrent-event.ts'
import type { ProposedEvent } from './proposed-event.ts'
import { type LandedWrite, landedAll, type ProposedWrite, refusedAmong } from './proposed-write.ts'

/** An append some of whose ids the store has already. */
export interface RepeatingWrite extends ProposedWrite {
  /** The events as the store takes them, but for their ids. */
  readonly newEvent: (event: ProposedEvent) => NewEvent
}

/** How often to judge anew, when others write in between. */
const attemptsMax = 8

/**
 * Settles an append whose ids the store has already. There an id is unique, for ever; for KurrentDB it is so only at one
 * place of one stream:
 *
 * - with an exact expectation, an append repeats an earlier one when the same ids lie right behind what is expected. When
 *   the expectation holds, its events are new, wherever else their ids are.
 * - with any other expectation, an append repeats earlier ones when the stream has its ids, and is new when it does not
 *   have the first one.
 *
 * What is new and has a taken id is stored under one derived from it, with the client's id as a tag, by which it is shown
 * again. The derived id follows from the append, so that sending it twice at once still writes it once.
 *
 * @throws Refused, and the store's own errors.
 */
export async function settleIds(
  store: EventStore,
  writes: readonly RepeatingWrite[],
  options: AppendAllOptions,
  guards: readonly StreamWrite[] = [],
): Promise<readonly LandedWrite[]> {
  for (let attempt = 1; ; attempt++) {
    const repeated = await repeatsOf(store, writes, options)
    if (repeated !== undefined) return repeated
    try {
      const appended = await store.appendAll([...(await withFreeIds(store, writes, options)), ...guards], options)
      const isAnswer = writes.every(({ expected }, at) =>
        repeats(expected, appended.streams[at] ?? { firstVersion: 0 }),
      )
      if (!appended.idempotent || isAnswer) return landedAll(writes, appended)
    } catch (error) {
      if (!isVarveError(error, 'DUPLICATE_EVENT_ID')) throw refusedAmong(error, writes)
    }
    if (attempt === attemptsMax) {
      const problem = 'Others append the same event ids at this moment. Retry the append.'
      throw new Refused({ kind: 'timeout', problem })
    }
  }
}

/** Where the writes landed when they were sent before, as they are; undefined when they are not all there. */
export async function earlierPlaces(
  store: EventStore,
  writes: readonly ProposedWrite[],
  options: CallOptions,
): Promise<readonly LandedWrite[] | undefined> {
  const places: LandedWrite[] = []
  for (const { stream, events } of writes) {
    const there = await placesOf(store, stream, events, options)
    const last = there?.length === events.length ? there.at(-1) : undefined
    if (last === undefined) return undefined
    places.push({ revision: revisionOf(last.version), position: last.position })
  }
  return places
}

/** What the writes repeat, all of them; undefined when all are new. What is neither is refused. */
async function repeatsOf(
  store: EventStore,
  writes: readonly ProposedWrite[],
  options: CallOptions,
): Promise<readonly LandedWrite[] | undefined> {
  const repeated: LandedWrite[] = []
  for (const write of writes) {
    const last = await repeatOf(store, write, options)
    if (last !== undefined) repeated.push({ revision: revisionOf(last.version), position: last.position })
  }
  if (repeated.length === 0) return undefined
  if (repeated.length === writes.length) return repeated
  const problem = 'Some of these appends were done before and some were not. Send each as it was sent at first.'
  throw new Refused({ kind: 'bad_request', problem })
}

/** The last event of what an append repeats; undefined when it is new. Refuses what is neither. */
async function repeatOf(
  store: EventStore,
  write: ProposedWrite,
  options: CallOptions,
): Promise<RecordedEvent | undefined> {
  const { stream, expected, events } = write
  const { version, exists, tombstoned, truncateBefore } = await store.streamInfo(stream, options)
  if (tombstoned) throw new Refused({ kind: 'stream_deleted', stream })
  let there: readonly RecordedEvent[] | undefined
  if (expected === 'any' || expected === 'stream_exists') {
    there = await placesOf(store, stream, events, options)
    if (there === undefined) return undefined
  } else {
    if (expected === 'no_stream' ? !exists : revisionOf(version) === expected) return undefined
    const from = expected === 'no_stream' ? truncateBefore : expected + 2
    there = await store.readStream(stream, { ...options, from, limit: events.length }).toArray()
  }
  const isRepeat = there.length === events.length && there.every((one, at) => clientIdOf(one) === events[at]?.id)
  if (!isRepeat) throw new Refused({ kind: 'wrong_version', stream, expected, actual: revisionOf(version) })
  return there.at(-1)
}

/** The events of a stream that have these ids, as far as it has them; undefined when it does not have the first. */
async function placesOf(
  store: EventStore,
  stream: string,
  events: readonly ProposedEvent[],
  options: CallOptions,
): Promise<readonly RecordedEvent[] | undefined> {
  const there: RecordedEvent[] = []
  for (const { id } of events) {
    const found = await placeOf(store, stream, id, options)
    if (found === undefined) return there.length === 0 ? undefined : there
    there.push(found)
  }
  return there
}

async function placeOf(
  store: EventStore,
  stream: string,
  id: string,
  options: CallOptions,
): Promise<RecordedEvent | undefined> {
  const holder = await store.readEvent(id, options)
  if (holder?.streamId === stream && clientIdOf(holder) === id) return holder
  const filter = { tags: [idTagPrefix + id], streamPrefix: stream }
  for await (const event of store.readAll({ ...options, filter, direction: 'backward' })) {
    if (event.streamId === stream) return event
  }
  return undefined
}

async function withFreeIds(
  store: EventStore,
  writes: readonly RepeatingWrite[],
  options: CallOptions,
): Promise<readonly StreamWrite[]> {
  const taken = new Set<string>()
  const free: StreamWrite[] = []
  for (const { stream, expected, events, newEvent } of writes) {
    const given: NewEvent[] = []
    for (const [index, event] of events.entries()) {
      const isTaken = taken.has(event.id) || (await store.readEvent(event.id, options)) !== undefined
      taken.add(event.id)
      const own = { id: derivedId(event.id, stream, expected, index), tags: [idTagPrefix + event.id] }
      given.push({ ...newEvent(event), ...(isTaken && own) })
    }
    free.push({ streamId: stream, events: given, expectedVersion: expectedVersionOf(expected) })
  }
  return free
}

/** A UUID of version 8 (RFC 9562), the digest of where an id is to be once more. */
export function derivedId(id: string, stream: string, expected: Expectation, index: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['varve', id, stream, expected, index]))
    .digest()
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80
  const text = digest.toString('hex')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20, 32)}`
}
