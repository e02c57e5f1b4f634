import type { EventStore } from 'varve'
import type { Methods } from '../grpc/method.ts'
import type { Messages } from '../protobuf/messages.ts'
import { appendRecords, type RecordsRequest, type RecordsResponse } from './append-records.ts'
import { appendSession, type SessionRequest, type SessionResponse } from './append-session.ts'
import { refusalsOf } from './refusals.ts'

/** What the service needs. */
export interface StreamsV2Parts {
  readonly store: EventStore
  readonly newId: () => string
}

/** The service kurrentdb.protocol.v2.streams.StreamsService. */
export function streamsV2Methods(messages: Messages, { store, newId }: StreamsV2Parts): Methods {
  const refusals = refusalsOf(messages)
  const parts = { store, newId, refusals }
  const of = 'kurrentdb.protocol.v2.streams'
  const session = messages.codec<SessionRequest, SessionResponse>(`${of}.AppendRequest`, `${of}.AppendSessionResponse`)
  const records = messages.codec<RecordsRequest, RecordsResponse>(
    `${of}.AppendRecordsRequest`,
    `${of}.AppendRecordsResponse`,
  )
  return {
    [`/${of}.StreamsService/AppendSession`]: refusals.saidBy('AppendSession', appendSession(parts, session)),
    [`/${of}.StreamsService/AppendRecords`]: refusals.saidBy('AppendRecords', appendRecords(parts, records)),
  }
}
