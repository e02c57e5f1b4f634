import { CallFailed, type StatusName, statusCodes } from '../grpc/status.ts'
import type { Messages } from '../protobuf/messages.ts'
import { explanationOf, type Refusal, Refused } from '../refusal.ts'
import { expectationNumber } from '../streams/expectation.ts'

/** A stream that is not in the state that was expected of it, in numbers. */
export interface Violation {
  /** Place of the check in the request; -1 for what every append expects: that the stream is not closed for ever. */
  readonly checkIndex: number
  readonly streamState: { readonly stream: string; readonly expectedState: number; readonly actualState: number }
}

/** Ends calls of this version of the protocol, whose details travel as messages. */
export interface Refusals {
  /** An error in the words of this version; those it has no word for stay as they are. */
  failureOf(error: unknown): unknown
  violations(violations: readonly Violation[]): CallFailed
  alreadyInSession(stream: string): CallFailed
  noRequests(): CallFailed
}

const errors = 'kurrentdb.protocol.v2.streams.errors'

/** How refusals are written. */
export function refusalsOf(messages: Messages): Refusals {
  const encodeStatus = messages.encoder<object>('google.rpc.Status')
  const encodeInfo = messages.encoder<object>('google.rpc.ErrorInfo')
  const any = (type: string, value: Uint8Array) => ({ type_url: `type.googleapis.com/${type}`, value })

  /** Clients take the last of the details for the one that says what happened. */
  function failed(status: StatusName, message: string, name: string, details: object): CallFailed {
    const type = `${errors}.${name}ErrorDetails`
    const reason = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
    const info = any('google.rpc.ErrorInfo', encodeInfo({ reason, domain: 'streams' }))
    const detail = any(type, messages.encoder<object>(type)(details))
    const bytes = encodeStatus({ code: statusCodes[status], message, details: [info, detail] })
    return new CallFailed(status, message, { 'grpc-status-details-bin': bytes })
  }

  function refused(refusal: Refusal): unknown {
    const message = explanationOf(refusal)
    switch (refusal.kind) {
      case 'wrong_version': {
        const { stream, expected, actual } = refusal
        const details = { stream, expectedRevision: expectationNumber(expected), actualRevision: actual }
        return failed('failedPrecondition', message, 'StreamRevisionConflict', details)
      }
      case 'stream_deleted':
        return failed('failedPrecondition', message, 'StreamTombstoned', { stream: refusal.stream })
      case 'event_too_large': {
        const { stream, eventId: recordId, bytes: size, allowed: maxSize } = refusal
        const details = { stream, recordId, size, maxSize }
        return failed('invalidArgument', message, 'AppendRecordSizeExceeded', details)
      }
      case 'append_too_large':
        return failed('aborted', message, 'AppendTransactionSizeExceeded', {
          size: refusal.bytes,
          maxSize: refusal.allowed,
        })
      default:
        return new Refused(refusal)
    }
  }

  return {
    failureOf: (error) => (error instanceof Refused ? refused(error.refusal) : error),
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
