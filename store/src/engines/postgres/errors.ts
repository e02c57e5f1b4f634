import { EngineFailed, EngineUnavailable, InvalidArgument, isVarveError, StoreCorrupt } from '../../model/errors.ts'
import { EventsArchived } from '../../model/event-errors.ts'

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) that mean something special here. */
const code = {
  uniqueViolation: '23505',
  readOnly: '25006',
  lockTimeout: '55P03',
  cancelled: '57014',
  idleTooLong: '25P03',
  transactionTooLong: '25P04',
  mayNot: '42501',
  statementUnknown: '26000',
  statementTaken: '42P05',
  undefinedTable: '42P01',
  undefinedFunction: '42883',
  undefinedSchema: '3F000',
  wrongIsolation: 'VV001',
  appendOnly: 'VV002',
  archived: 'VV004',
} as const

/** Classes and codes after which the same call may succeed in a moment. */
const passing: readonly string[] = [
  '08', // connection exceptions
  '57P', // shut down, crashed, starting up
  code.cancelled, // by the statement timeout or by hand
  code.idleTooLong,
  code.transactionTooLong, // since PostgreSQL 17
  '53300', // too many connections
  '53400', // a configured limit was met
  code.lockTimeout,
  '40', // serialisation failure, deadlock: rolled back whole
  code.readOnly, // a standby, during a fail-over
]

/** Bounds of time that somebody has set, and that were reached. */
const waits: readonly string[] = [code.lockTimeout, code.cancelled, code.idleTooLong, code.transactionTooLong]

const withoutPrepared =
  'a prepared statement was not there, or was there already: a pooler gives each transaction another connection, or the ' +
  "connection was told to discard them. Open the store with 'prepare: false', in a URL '?prepare=false'"

const problems: Readonly<Record<string, string>> = {
  '28P01': 'the password was refused. Check user and password in the URL',
  '28000': 'this user may not connect. Check the URL and pg_hba.conf',
  '3D000': 'the database does not exist. Create it, or name another one in the URL',
  '53100': 'the disk of the server is full. Free some space; nothing of this call was written',
  [code.undefinedSchema]: "the store's schema is missing. Run 'varve migrate --up' on this database",
  [code.statementUnknown]: withoutPrepared,
  [code.statementTaken]: withoutPrepared,
  [code.wrongIsolation]:
    'the session runs under another isolation level than read committed, under which the order of the log cannot be kept. ' +
    'Set default_transaction_isolation to read committed for this role or database',
  [code.appendOnly]: 'the database refused a change of what was appended. Nothing was written',
}

const whyReadOnly = 'the server is a replica, or default_transaction_read_only is set for the role or the database'

/** What to do where PostgreSQL's own words are needed, because they name what is meant. */
const advice: Readonly<Record<string, string>> = {
  [code.mayNot]:
    "This role may not do that. 'varve migrate --grant', run as the owner of the schema, gives it what a store needs of its " +
    'schema (docs/guides/postgresql.md)',
  [code.undefinedTable]: incomplete('tables'),
  [code.undefinedFunction]: incomplete('functions'),
}

function incomplete(what: string): string {
  return (
    `The store's ${what} are missing. Run 'varve migrate --up' on this database; where it says that the schema is current, ` +
    'somebody has removed them: restore a backup'
  )
}

/** What keeps event ids unique: of one table of events, and of events in parts. */
const idConstraints: readonly unknown[] = ['events_event_id_unique', 'event_keys_event_id_unique']

/** Whether an id of the batch was stored under another stream meanwhile: sending the batch again sees it. */
export function isIdRace(error: unknown): boolean {
  return (
    stateOf(error) === code.uniqueViolation &&
    idConstraints.includes((error as { readonly constraint?: unknown }).constraint)
  )
}

/** What is wrong, and what to do, when {@link isLogin}. */
export const loginFailed =
  'the server asks for a password, and the login failed. Give user and password in the URL, or to the pool'

/**
 * Whether it was the driver that could not go on with a login, as without a password: the server never came to refuse it. The
 * driver has no code for that, so that nothing but the protocol's name at its beginning tells it from a lost connection.
 */
export function isLogin(error: unknown): boolean {
  return error instanceof Error && stateOf(error) === undefined && error.message.startsWith('SASL: ')
}

/** Whether the same call may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  const state = stateOf(error)
  return state === undefined
    ? isConnectionLoss(error) && !isLogin(error)
    : passing.some((prefix) => state.startsWith(prefix))
}

/** Whether the server has waited as long as it was told to. Trying again here would make a multiple of that bound. */
export function hasWaited(error: unknown): boolean {
  const state = stateOf(error)
  return state !== undefined && waits.includes(state)
}

/** An error of the driver as one of Varve's, told by its SQLSTATE; any other error as it is. */
export function translated(error: unknown): unknown {
  if (isVarveError(error)) return error
  const state = stateOf(error)
  const text = error instanceof Error ? error.message : String(error)
  const cause = { cause: error }
  if (isPassing(error)) {
    const says = state === code.readOnly ? `${text}: ${whyReadOnly}` : text
    return new EngineUnavailable('postgres', state === undefined ? says : `${says} (${state})`, cause)
  }
  if (isLogin(error)) return new EngineFailed('postgres', `${loginFailed} (${text})`, cause)
  if (state === undefined) return isUnreadableUrl(error) ? unreadableUrl() : error
  if (state === code.archived) return new EventsArchived(Number((error as { readonly detail?: string }).detail), cause)
  if (state.startsWith('XX')) return new StoreCorrupt(`PostgreSQL reports ${text} (${state})`, cause)
  return new EngineFailed('postgres', `${problems[state] ?? advised(text, state, error)} (SQLSTATE ${state})`, cause)
}

/** As the driver's `new URL` says it, when it first connects. */
function isUnreadableUrl(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_URL'
}

/** Without the cause, which may have the password in it. */
function unreadableUrl(): InvalidArgument {
  return new InvalidArgument(
    'url',
    'is no URL of one database: write postgres://user@host:5432/database, and in a password %40 for an @, %2F for a /, %25 for a %',
  )
}

/** PostgreSQL's words, and what to do: as this code knows it, or as PostgreSQL hints. */
function advised(text: string, state: string, error: unknown): string {
  const { hint } = error as { readonly hint?: string }
  const says = advice[state] ?? hint?.replace(/\.$/, '')
  return says === undefined ? text : `${text}. ${says}`
}

/** Five characters, which no code of Node has: those begin with E and are longer, or are longer still. */
export function stateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return 'severity' in error ? error.code : undefined
}

/**
 * What the driver throws without a SQLSTATE is about the connection: a code of the network (ECONNRESET), or an error of
 * its own without any code. A mistake in code is of a class of its own.
 */
function isConnectionLoss(error: unknown): boolean {
  return (
    error instanceof Error && (error.constructor === Error || 'syscall' in error || error.name === 'AggregateError')
  )
}
