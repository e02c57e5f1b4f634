import { EngineFailed, EngineUnavailable, isVarveError } from '../../model/errors.ts'

/** What the client's errors are called (their `type`) after which the same call may succeed in a moment. */
const passing: readonly unknown[] = ['unavailable', 'timeout', 'deadline-exceeded', 'cancelled', 'not-leader']

const problems: Readonly<Record<string, string>> = {
  'access-denied':
    'this user may not do that. Appends and reads of all streams are for $admins: check the user in the URL',
  unsupported: 'this server cannot append to several streams with checks. Use KurrentDB 26.1 or later, or varve serve',
}

/** Whether a stream that was to be read is not there, or shows nothing. */
export function isNotFound(error: unknown): boolean {
  return typeOf(error) === 'stream-not-found'
}

/** Whether a stream is closed for ever by KurrentDB's own means. */
export function isClosedStream(error: unknown): boolean {
  return typeOf(error) === 'stream-deleted' || typeOf(error) === 'stream-tombstoned'
}

/** Whether an append was refused because a stream was not as expected, so that nothing was written. */
export function isOvertaken(error: unknown): boolean {
  const type = typeOf(error)
  return type === 'append-consistency-violation' || type === 'wrong-expected-version' || isClosedStream(error)
}

/** The streams that an append found in another state than expected, and the revision they are at where they have one. */
export function revisionsIn(error: unknown): readonly { readonly streamName: string; readonly revision: number }[] {
  const { violations = [] } = error as { readonly violations?: readonly Violation[] }
  return violations.flatMap(({ streamName, actualState }) =>
    typeof actualState === 'bigint' && actualState >= 0n ? [{ streamName, revision: Number(actualState) }] : [],
  )
}

interface Violation {
  readonly streamName: string
  readonly actualState: bigint | string
}

/** Whether the server had no word for what was wrong, as with a position at which no event begins. */
export function isUnknown(error: unknown): boolean {
  return typeOf(error) === 'unknown'
}

/** An error of the client as one of Varve's, told by its type; any other error as it is. */
export function translated(error: unknown): unknown {
  if (isVarveError(error)) return error
  const type = typeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  const cause = { cause: error }
  if (passing.includes(type) || isConnectionLoss(error)) return new EngineUnavailable('kurrentdb', text, cause)
  if (type === undefined) return error
  return new EngineFailed('kurrentdb', `${problems[type] ?? text} (${type})`, cause)
}

/**
 * The client finds a node by trying, and what it throws when it finds none is an error without a type or a code, as are those
 * of its reader that are about the connection. A mistake in code is of a class of its own.
 */
function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && typeOf(error) === undefined && (error.constructor === Error || 'syscall' in error)
}

function typeOf(error: unknown): string | undefined {
  const type = (error as { readonly type?: unknown } | undefined)?.type
  return typeof type === 'string' ? type : undefined
}
