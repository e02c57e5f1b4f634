import { type CallOptions, type EventStore, isVarveError, type StreamInfo, type StreamWrite } from 'varve'
import type { Access } from '../../auth/access.ts'
import type { Handler } from '../grpc/call.ts'
import { type Codec, unary } from '../grpc/method.ts'
import { MalformedMessage } from '../protobuf/proto-reader.ts'
import { Refused } from '../refusal.ts'
import { type Expectation, revisionOf } from '../streams/expectation.ts'
import type { ProposedEvent } from '../streams/proposed-event.ts'
import type { LandedWrite, ProposedWrite } from '../streams/proposed-write.ts'
import { earlierPlaces } from '../streams/settle-ids.ts'
import { metadataStreamOf } from '../streams/stream-access.ts'
import type { AppendParts } from './append-session.ts'
import { appendWrites } from './append-writes.ts'
import { type AppendRecord, proposedEventOf } from './records.ts'
import type { Violation } from './refusals.ts'

/** Events for any streams, and what must hold of any streams. */
export interface RecordsRequest {
  readonly records: readonly AppendRecord[]
  readonly checks: readonly { readonly streamState?: { readonly stream: string; readonly expectedState: number } }[]
}

/** Where the events of each stream ended. */
export interface RecordsResponse {
  readonly revisions: readonly { readonly stream: string; readonly revision: number }[]
  readonly position: number
}

/** States of a stream that are no revision. */
const states = { noStream: -1, any: -2, exists: -4, deleted: -5, tombstoned: -6 } as const

/** How often to judge anew, when a stream moves between the judgement and the append. */
const attemptsMax = 8

interface Check {
  readonly index: number
  readonly stream: string
  readonly expected: number
}

/** What the streams of a request are like: judged as read, and held to it by guards in the append's transaction. */
interface Judged {
  readonly violations: readonly Violation[]
  readonly guards: readonly StreamWrite[]
}

/** The method AppendRecords: events of any streams and checks of any streams, all or none. */
export function appendRecords(parts: AppendParts, codec: Codec<RecordsRequest, RecordsResponse>): Handler {
  return unary(codec, async (request, { access, signal }) => {
    const writes = writesOf(request, parts.newId)
    const checks = checksOf(request)
    await ask(access, writes, checks)
    const places = await appendChecked(parts, writes, checks, { signal })
    const revisions = places.map(({ revision }, at) => ({ stream: writes[at]?.stream ?? '', revision }))
    return { revisions, position: Math.max(...places.map(({ position = 0 }) => position)) }
  })
}

/** A check tells how another stream stands, which is a right to read it. */
async function ask(access: Access, writes: readonly ProposedWrite[], checks: readonly Check[]): Promise<void> {
  for (const { stream } of writes) await access.to('write', stream)
  for (const { stream } of checks) {
    if (!writes.some((write) => write.stream === stream)) await access.to('read', stream)
  }
}

async function appendChecked(
  { store, refusals }: AppendParts,
  writes: readonly ProposedWrite[],
  checks: readonly Check[],
  options: CallOptions,
): Promise<readonly LandedWrite[]> {
  for (let attempt = 1; ; attempt++) {
    const { violations, guards } = await judge(store, writes, checks, options)
    if (violations.length > 0) {
      // What broke the checks may be this very append, whose answer was lost.
      const earlier = await earlierPlaces(store, writes, options)
      if (earlier !== undefined) return earlier
      throw refusals.violations(violations)
    }
    const guarded = writes.map((write) => ({ ...write, expected: expectedFrom(guards, write) }))
    const others = guards.filter(({ streamId }) => !writes.some(({ stream }) => stream === streamId))
    try {
      return await appendWrites(store, guarded, others, options)
    } catch (error) {
      if (!isOvertaken(error) || attempt === attemptsMax) throw error
    }
  }
}

/** Whether a stream has moved, or was closed, since it was judged. */
function isOvertaken(error: unknown): boolean {
  if (!(error instanceof Refused)) return isVarveError(error, 'VERSION_CONFLICT')
  return error.refusal.kind === 'wrong_version' || error.refusal.kind === 'stream_deleted'
}

/** One guard of a stream is enough for all of its checks: the version at which they were found to hold. */
async function judge(
  store: EventStore,
  writes: readonly ProposedWrite[],
  checks: readonly Check[],
  options: CallOptions,
): Promise<Judged> {
  const violations: Violation[] = []
  const guards = new Map<string, StreamWrite>()
  const infos = new Map<string, StreamInfo>()
  for (const stream of new Set([...checks, ...writes].map((one) => one.stream))) {
    infos.set(stream, await store.streamInfo(stream, options))
  }
  const written = new Set(writes.map(({ stream }) => stream))
  for (const { index, stream, expected } of checks) {
    const info = infos.get(stream) as StreamInfo
    const actual = stateOf(info)
    if (!holds(expected, actual, written.has(stream))) violations.push(violationOf(index, stream, expected, actual))
    // What is closed stays so, and of any state none is asked.
    if (actual === states.tombstoned || expected === states.any) continue
    guards.set(stream, { streamId: stream, events: [], expectedVersion: info.version })
    if (expected !== states.deleted) continue
    // Metadata alone can show a deleted stream's events again.
    const { version } = await store.streamInfo(metadataStreamOf(stream), options)
    guards.set(metadataStreamOf(stream), { streamId: metadataStreamOf(stream), events: [], expectedVersion: version })
  }
  const checked = new Set(checks.map(({ stream }) => stream))
  for (const { stream } of writes) {
    if (checked.has(stream) || infos.get(stream)?.tombstoned !== true) continue
    violations.push(violationOf(-1, stream, states.any, states.tombstoned))
  }
  return { violations, guards: [...guards.values()] }
}

function stateOf({ version, exists, tombstoned }: StreamInfo): number {
  if (tombstoned) return states.tombstoned
  if (version > 0 && !exists) return states.deleted
  return revisionOf(version)
}

function holds(expected: number, actual: number, isWritten: boolean): boolean {
  if (isWritten && actual === states.tombstoned) return false
  if (expected === states.any) return true
  // A deleted stream may be begun again. One that is closed for ever is no stream either, for whoever only looks at it.
  if (expected === states.noStream) return actual < 0
  return expected === states.exists ? actual >= 0 : expected === actual
}

function violationOf(checkIndex: number, stream: string, expectedState: number, actualState: number): Violation {
  return { checkIndex, streamState: { stream, expectedState, actualState } }
}

function expectedFrom(guards: readonly StreamWrite[], { stream }: ProposedWrite): Expectation {
  const guard = guards.find(({ streamId }) => streamId === stream)
  if (guard === undefined || typeof guard.expectedVersion !== 'number') return 'any'
  return guard.expectedVersion === 0 ? 'no_stream' : revisionOf(guard.expectedVersion)
}

/** The store takes the events of each stream together: in their order, the streams by their first event. */
function writesOf({ records }: RecordsRequest, newId: () => string): readonly ProposedWrite[] {
  if (records.length === 0) throw new MalformedMessage('it has no records')
  const byStream = new Map<string, ProposedEvent[]>()
  for (const record of records) {
    const events = byStream.get(record.stream) ?? []
    events.push(proposedEventOf(record, newId))
    byStream.set(record.stream, events)
  }
  return [...byStream].map(([stream, events]) => ({ stream, expected: 'any', events }))
}

function checksOf({ checks }: RecordsRequest): readonly Check[] {
  return checks.map(({ streamState }, index) => {
    if (streamState === undefined || streamState.stream === '') throw new MalformedMessage('a check names no stream')
    const { stream, expectedState: expected } = streamState
    const isState = expected >= 0 || (Object.values(states) as number[]).includes(expected)
    if (!isState) throw new MalformedMessage(`a check expects ${expected}, which is no state`)
    return { index, stream, expected }
  })
}
