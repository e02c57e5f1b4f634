import type { EventStore } from 'varve'
import type { Handler } from '../grpc/call.ts'
import { framed } from '../grpc/frames.ts'
import type { Codec } from '../grpc/method.ts'
import { MalformedMessage } from '../protobuf/proto-reader.ts'
import type { ProposedWrite } from '../streams/proposed-write.ts'
import { appendWrites } from './append-writes.ts'
import { type AppendRecord, expectationOf, proposedEventOf } from './records.ts'
import type { Refusals } from './refusals.ts'

/** What one stream is to take in a session. */
export interface SessionRequest {
  readonly stream: string
  readonly records: readonly AppendRecord[]
  readonly expectedRevision?: number
}

/** Where a session landed. */
export interface SessionResponse {
  readonly output: readonly {
    readonly stream: string
    readonly streamRevision: number
    readonly position: number | undefined
  }[]
  readonly position: number
}

/** What appending needs here. */
export interface AppendParts {
  readonly store: EventStore
  readonly newId: () => string
  readonly refusals: Refusals
}

/** The method AppendSession: a message for each stream, written when the last is there, all or none. */
export function appendSession(parts: AppendParts, { decode, encode }: Codec<SessionRequest, SessionResponse>): Handler {
  const { newId, refusals } = parts
  return async (call) => {
    const writes = new Map<string, ProposedWrite>()
    for await (const batch of call.batches()) {
      for (const message of batch) {
        const write = writeOf(decode(message), newId)
        await call.access.to('write', write.stream)
        if (writes.has(write.stream)) throw refusals.alreadyInSession(write.stream)
        writes.set(write.stream, write)
      }
    }
    if (writes.size === 0) throw refusals.noRequests()
    await call.send(framed(encode(await respond(parts, [...writes.values()], call.signal))))
  }
}

async function respond(
  { store }: AppendParts,
  writes: readonly ProposedWrite[],
  signal: AbortSignal,
): Promise<SessionResponse> {
  const places = await appendWrites(store, writes, [], { signal })
  const output = places.map(({ revision, position }, at) => {
    return { stream: writes[at]?.stream ?? '', streamRevision: revision, position }
  })
  return { output, position: Math.max(...places.map(({ position = 0 }) => position)) }
}

function writeOf({ stream, records, expectedRevision }: SessionRequest, newId: () => string): ProposedWrite {
  if (records.length === 0) throw new MalformedMessage(`it has no records for stream ${JSON.stringify(stream)}`)
  const events = records.map((record) => proposedEventOf(record, newId))
  return { stream, expected: expectationOf(expectedRevision), events }
}
