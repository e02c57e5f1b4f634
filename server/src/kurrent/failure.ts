import { isVarveError, type VarveErrorShape } from 'varve'
import { CallFailed, type StatusName } from './grpc/status.ts'
import { MalformedMessage } from './protobuf/proto-reader.ts'
import { callFailedBy, Refused } from './refusal.ts'

/**
 * The status that an error ends a call with, where no method knows better. Never INTERNAL, at which official clients drop
 * their connection with everything on it.
 */
export function failureOf(error: unknown): CallFailed {
  if (error instanceof CallFailed) return error
  if (error instanceof Refused) return callFailedBy(error.refusal)
  if (error instanceof MalformedMessage) return new CallFailed('invalidArgument', error.message)
  if (isVarveError(error)) return new CallFailed(statusOf(error), error.message)
  return new CallFailed('unknown', 'The server failed; its log says why. Retry appends with the same event ids.')
}

function statusOf({ code, retryable }: VarveErrorShape): StatusName {
  switch (code) {
    case 'INVALID_ARGUMENT':
    case 'LIMIT_EXCEEDED':
    case 'PAYLOAD_TOO_LARGE':
      return 'invalidArgument'
    case 'STORE_CLOSED':
      return 'unavailable'
    case 'NOT_SUPPORTED':
      return 'unimplemented'
    case 'FORBIDDEN':
      return 'permissionDenied'
    default:
      return retryable ? 'unavailable' : 'unknown'
  }
}
