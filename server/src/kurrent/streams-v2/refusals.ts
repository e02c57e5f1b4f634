import { isVarveError } from 'varve'
import { failureOf } from '../failure.ts'
import type { Handler } from '../grpc/call.ts'
import { CallFailed, type StatusName, statusCodes } from '../grpc/status.ts'
import type { Messages } from '../protobuf/messages.ts'
import { type Refusal, Refused } from '../refusal.ts'
import { expectationNumber } from '../streams/expectation.ts'

/** A stream that is not in the state that was expected of it, in numbers. */
export interface Violation {
  /** Place of the check in the request; -1 for what every append expects: that the stream is not closed for ever. */
  readonly checkIndex: number
  readonly streamState: { readonly stream: string; readonly expectedState: number; readonly actualState: number }
}

/** Ends calls of this version of the protocol, whose details travel as messages. */
export interface Refusals {
  /** The same method, whose refusals are in the words of this version. */
  saidBy(operation: string, handler: Handler): Handler
  violations(violations: readonly Violation[]): CallFailed
  alreadyInSession(stream: string): CallFailed
  noRequests(): CallFailed
}

const errors = 'kurrentdb.protocol.v2.streams.errors'

/** How long a client is asked to wait before it tries again, in seconds. */
const retrySeconds = 5

/** What was refused, and to whom. */
interface Attempted {
  readonly operation: string
  readonly login: string | undefined
}

/** One of the details of a status: its type, and the reason that {@link Refusals} names in front of it. */
interface Detail {
  readonly domain: 'streams' | 'server'
  readonly reason: string
  readonly type: string
  readonly value: object
}

/** How refusals are written. */
export function refusalsOf(messages: Messages): Refusals {
  const encodeStatus = messages.encoder<object>('google.rpc.Status')
  const encodeInfo = messages.encoder<object>('google.rpc.ErrorInfo')
  const any = (type: string, value: Uint8Array) => ({ type_url: `type.googleapis.com/${type}`, value })

  /** Clients take the last of the details for the one that says what happened. */
  function detailed({ status, message, trailers }: CallFailed, { domain, reason, type, value }: Detail): CallFailed {
    const info = any('google.rpc.ErrorInfo', encodeInfo({ reason, domain }))
    const detail = any(type, messages.encoder<object>(type)(value))
    const bytes = encodeStatus({ code: statusCodes[status], message: cut(message), details: [info, detail] })
    return new CallFailed(status, message, { ...trailers, 'grpc-status-details-bin': bytes })
  }

  function failed(status: StatusName, message: string, name: string, value: object): CallFailed {
    const reason = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
    const type = `${errors}.${name}ErrorDetails`
    return detailed(new CallFailed(status, message), { domain: 'streams', reason, type, value })
  }

  function inWords(error: unknown, attempted: Attempted): unknown {
    const known = error instanceof Refused ? ofStreams(error.refusal) : undefined
    if (known !== undefined) return failed(known.status, (error as Error).message, known.name, known.value)
    const plain = failureOf(error)
    const detail =
      plain.trailers['grpc-status-details-bin'] === undefined ? ofServer(plain, error, attempted) : undefined
    // What has no word is the server's own failure, which its log shows as it is.
    return detail === undefined ? error : detailed(plain, detail)
  }

  return {
    saidBy: (operation, handler) => async (call) => {
      try {
        await handler(call)
      } catch (error) {
        throw inWords(error, { operation, login: call.access.login })
      }
    },
    violations: (violations) => {
      const streams = violations.map(({ streamState }) => streamState.stream).join(', ')
      const message = `These streams are not in the state that was expected: ${streams}. Nothing was written.`
      return failed('failedPrecondition', message, 'AppendConsistencyViolation', { violations })
    },
    alreadyInSession: (stream) =>
      failed('aborted', `Stream ${stream} is in this session twice.`, 'StreamAlreadyInAppendSession', { stream }),
    noRequests: () => failed('failedPrecondition', 'The session has no requests.', 'AppendSessionNoRequests', {}),
  }
}

/** What streams alone refuse; undefined for everything else. */
function ofStreams(
  refusal: Refusal,
): { readonly status: StatusName; readonly name: string; readonly value: object } | undefined {
  switch (refusal.kind) {
    case 'wrong_version': {
      const { stream, expected, actual } = refusal
      const value = { stream, expectedRevision: expectationNumber(expected), actualRevision: actual }
      return { status: 'failedPrecondition', name: 'StreamRevisionConflict', value }
    }
    case 'stream_deleted':
      return { status: 'failedPrecondition', name: 'StreamTombstoned', value: { stream: refusal.stream } }
    case 'event_too_large': {
      const { stream, eventId: recordId, bytes: size, allowed: maxSize } = refusal
      return { status: 'invalidArgument', name: 'AppendRecordSizeExceeded', value: { stream, recordId, size, maxSize } }
    }
    case 'append_too_large': {
      const value = { size: refusal.bytes, maxSize: refusal.allowed }
      return { status: 'aborted', name: 'AppendTransactionSizeExceeded', value }
    }
    default:
      return undefined
  }
}

/** What any service refuses; undefined for what none has a word for. */
function ofServer(
  { status, message }: CallFailed,
  error: unknown,
  { operation, login }: Attempted,
): Detail | undefined {
  const retry = { type: 'google.rpc.RetryInfo', value: { retryDelay: { seconds: retrySeconds } } }
  switch (status) {
    case 'permissionDenied': {
      const value = { operation, ...(login !== undefined && { username: login }) }
      return { domain: 'server', reason: 'ACCESS_DENIED', type: 'kurrent.rpc.AccessDeniedErrorDetails', value }
    }
    case 'invalidArgument': {
      const value = { fieldViolations: [{ field: fieldIn(error), description: cut(message) }] }
      return { domain: 'server', reason: 'BAD_REQUEST', type: 'google.rpc.BadRequest', value }
    }
    case 'unavailable': {
      const reason = isVarveError(error, 'QUEUE_FULL') ? 'SERVER_OVERLOADED' : 'SERVER_NOT_READY'
      return { domain: 'server', reason, ...retry }
    }
    default:
      return undefined
  }
}

/** The field of the request, where the store has said which; empty where the request as a whole is none. */
function fieldIn(error: unknown): string {
  return isVarveError(error, 'INVALID_ARGUMENT') ? error.argument : ''
}

/** Header lists have a bound in every client, and names of streams are long. */
function cut(message: string): string {
  return message.slice(0, 1_000).toWellFormed()
}
