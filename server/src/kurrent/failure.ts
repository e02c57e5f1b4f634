import { isVarveError, type VarveErrorShape } from 'varve'
import { AccessRefused } from '../auth/access.ts'
import { UserRefused } from '../auth/user-refused.ts'
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
  if (error instanceof AccessRefused) return accessFailure(error)
  if (error instanceof UserRefused) return userFailure(error)
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

/** Nobody and somebody are refused in the same way, as in KurrentDB: clients see access denied. */
function accessFailure({ problem, message }: AccessRefused): CallFailed {
  if (problem === 'credentials') return new CallFailed('unauthenticated', message)
  if (problem === 'guesses') return new CallFailed('resourceExhausted', message)
  return new CallFailed('permissionDenied', message, { exception: 'access-denied' })
}

function userFailure({ problem, login, message }: UserRefused): CallFailed {
  const trailers = (exception: string) => ({ exception, 'login-name': login.slice(0, 100) })
  switch (problem) {
    case 'not_found':
      return new CallFailed('notFound', message, trailers('user-not-found'))
    case 'exists':
      return new CallFailed('failedPrecondition', message, trailers('user-conflict'))
    case 'overtaken':
      return new CallFailed('deadlineExceeded', message, trailers('user-conflict'))
    case 'invalid':
      return new CallFailed('invalidArgument', message)
    case 'no_logins':
      return new CallFailed('unimplemented', message)
    case 'wrong_password':
      return new CallFailed('permissionDenied', message, { exception: 'access-denied' })
  }
}
