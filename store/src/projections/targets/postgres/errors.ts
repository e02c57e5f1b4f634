import { isLogin, isPassing, loginFailed, stateOf } from '../../../engines/postgres/errors.ts'
import { isVarveError } from '../../../model/errors.ts'
import { TargetFailed, TargetUnavailable } from '../../../model/target-errors.ts'

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) that mean something special here. */
const code = {
  abortedTransaction: '25P02',
  undefinedTable: '42P01',
  undefinedSchema: '3F000',
  viewChanges: '42P16',
  dependents: '2BP01',
  lockTimeout: '55P03',
} as const

const problems: Readonly<Record<string, string>> = {
  '28P01': 'the password was refused. Check user and password in the URL',
  '28000': 'this user may not connect. Check the URL and pg_hba.conf',
  '3D000': 'the database does not exist. Create it, or name another one in the URL',
  '42501':
    'this role may not do that. It needs to create schemas in the database and to own those of the target ' +
    '(docs/guides/read-models.md)',
  '53100': 'the disk of the server is full. Free some space; nothing of this write was kept',
  [code.abortedTransaction]:
    'a statement of a handler failed, and the handler went on. PostgreSQL gives up the whole transaction then: let the ' +
    "error pass, avoid it with 'on conflict', or put a savepoint before it",
}

/** Whether a table or a schema is not there. */
export function isGone(error: unknown): boolean {
  const state = stateOf(error)
  return state === code.undefinedTable || state === code.undefinedSchema
}

/** Whether a view cannot take the columns of another one in place of its own. */
export function isOtherColumns(error: unknown): boolean {
  return stateOf(error) === code.viewChanges
}

/** Whether something else depends on what should be removed. */
export function hasDependents(error: unknown): boolean {
  return stateOf(error) === code.dependents
}

/** Whether a lock was waited for as long as it was allowed to. */
export function isLocked(error: unknown): boolean {
  return stateOf(error) === code.lockTimeout
}

/**
 * Whether it is what was written that the server refuses: what has no place in a column or in an index, or breaks a constraint
 * (classes 22, 23 and 54 of https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
export function isOfContents(error: unknown): boolean {
  const state = stateOf(error instanceof TargetFailed ? error.cause : error)
  return state !== undefined && /^(?:22|23|54)/.test(state)
}

/** Whether it cannot be known if the server did what it was asked to: the answer was lost, or the server went away. */
export function isAnswerLost(error: unknown): boolean {
  const state = stateOf(error)
  return isPassing(error) && (state === undefined || state.startsWith('08') || state.startsWith('57P'))
}

/** An error of the driver that may pass, as one of Varve's; any other as it is, for handlers to look at. */
export function passingTranslated(error: unknown): unknown {
  if (isVarveError(error) || !isPassing(error)) return error
  const state = stateOf(error)
  const text = error instanceof Error ? error.message : String(error)
  return new TargetUnavailable('postgres', state === undefined ? text : `${text} (${state})`, { cause: error })
}

/** An error of the driver as one of Varve's; any other as it is. */
export function translated(error: unknown): unknown {
  const state = stateOf(error)
  const text = error instanceof Error ? error.message : String(error)
  if (isLogin(error)) return new TargetFailed('postgres', `${loginFailed} (${text})`, { cause: error })
  if (isVarveError(error) || isPassing(error) || state === undefined) return passingTranslated(error)
  return new TargetFailed('postgres', `${problems[state] ?? text} (SQLSTATE ${state})`, { cause: error })
}
