import { type ErrorCode, isVarveError } from 'varve'
import { type UserProblem, UserRefused } from '../auth/user-refused.ts'
import { withoutPassword } from '../store-url.ts'

/** What the exit code of `varve` says; documented in docs/guides/cli.md and stable. */
export const exitCodes = {
  done: 0,
  /** Refused or failed for a reason that has no code of its own. */
  failed: 1,
  /** The command line or a value on it is wrong; nothing was sent anywhere. */
  usage: 2,
  /** The store has moved on, holds the event already or has closed the stream; nothing was written. */
  conflict: 3,
  /** The store is out of reach or busy; the same command may succeed later. */
  unavailable: 4,
  /** A file or a store is damaged, or `varve doctor` found something. */
  damaged: 5,
} as const

/** An exit code of {@link exitCodes}, or 128 plus the number of the signal that ended the command. */
export type ExitCode = number

/** A refusal of the command line itself: one line that says what was refused and what to do. */
export class CliFailure extends Error {
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliFailure'
    this.exitCode = exitCode
  }
}

/** The reason of an abort by a signal. `exitCode` is what shells expect: 128 plus the signal's number. */
export class Interrupted extends CliFailure {
  constructor(signalNumber: number) {
    super('Interrupted.', 128 + signalNumber)
    this.name = 'Interrupted'
  }
}

/** The reason of an abort because nobody reads standard output any more, as in `varve read | head -1`: no failure. */
export class OutputClosed extends CliFailure {
  constructor() {
    super('Nobody reads the output any more.', exitCodes.done)
    this.name = 'OutputClosed'
  }
}

/** The reason of an abort because standard output cannot be written, as when a disk is full. */
export class OutputFailed extends CliFailure {
  constructor(cause: Error) {
    super(
      `Standard output cannot be written (${cause.message}): the rest of it is lost, and what was changed stays changed.`,
    )
    this.name = 'OutputFailed'
    this.cause = cause
  }
}

/** What to print for an error, and how to exit. */
export interface Failure {
  readonly line: string
  readonly exitCode: ExitCode
}

/** One line and one exit code for whatever was thrown. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CliFailure) return { line: oneLine(error.message), exitCode: error.exitCode }
  if (error instanceof UserRefused)
    return { line: oneLine(error.message), exitCode: codeOfUser[error.problem] ?? exitCodes.failed }
  if (isVarveError(error))
    return { line: oneLine(sentence(error.message)), exitCode: codeOf[error.code] ?? exitCodes.failed }
  if (isSystemError(error)) return { line: oneLine(systemProblem(error)), exitCode: exitCodes.failed }
  const message = error instanceof Error ? error.message : String(error)
  return {
    line: oneLine(`Unexpected: ${sentence(message)} Run it again with --verbose to see where, and report it.`),
    exitCode: exitCodes.failed,
  }
}

/** Errors whose exit code says more than that something failed. */
const codeOf: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  VERSION_CONFLICT: exitCodes.conflict,
  CONDITION_FAILED: exitCodes.conflict,
  DUPLICATE_EVENT_ID: exitCodes.conflict,
  STREAM_TOMBSTONED: exitCodes.conflict,
  CHECKPOINT_CONFLICT: exitCodes.conflict,
  INVALID_ARGUMENT: exitCodes.usage,
  LIMIT_EXCEEDED: exitCodes.usage,
  PAYLOAD_TOO_LARGE: exitCodes.usage,
  PAYLOAD_INVALID: exitCodes.usage,
  PAYLOAD_UNREADABLE: exitCodes.damaged,
  STORE_CORRUPT: exitCodes.damaged,
  QUEUE_FULL: exitCodes.unavailable,
  ENGINE_UNAVAILABLE: exitCodes.unavailable,
  BLOBS_UNAVAILABLE: exitCodes.unavailable,
  PROJECTION_BUSY: exitCodes.conflict,
  WAIT_TIMED_OUT: exitCodes.unavailable,
  BLOB_CORRUPT: exitCodes.damaged,
  BLOB_MISSING: exitCodes.damaged,
  GROUP_EXISTS: exitCodes.conflict,
  PARKED_COUNT_DIFFERS: exitCodes.conflict,
  GROUP_FULL: exitCodes.unavailable,
}

const codeOfUser: Readonly<Partial<Record<UserProblem, ExitCode>>> = {
  exists: exitCodes.conflict,
  invalid: exitCodes.usage,
  overtaken: exitCodes.unavailable,
}

/** Whether an error comes from the operating system, with a code such as `ENOENT`. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'
}

function systemProblem(error: NodeJS.ErrnoException): string {
  const what = error.path === undefined ? 'The file' : error.path
  const known: Readonly<Record<string, string>> = {
    ENOENT: `${what} does not exist. Check the path.`,
    EACCES: `${what} may not be used by this user. Check its permissions.`,
    EPERM: `${what} may not be used by this user. Check its permissions.`,
    EROFS: `${what} lies on a read-only file system. Choose another place.`,
    EISDIR: `${what} is a directory. Name a file in it.`,
    ENOTDIR: `${what} goes through something that is no directory. Check the path.`,
    ENOSPC: 'The disk is full. Make room and run the command again.',
    EADDRINUSE: `${addressOf(error)} is in use. Stop what listens there, or choose another --port.`,
    EADDRNOTAVAIL: `${addressOf(error)} is no address of this machine. Choose another --host.`,
    ENOTFOUND: `The host ${addressOf(error)} is not known. Check --host.`,
  }
  return known[error.code ?? ''] ?? `${what}: ${error.message}.`
}

function addressOf(error: NodeJS.ErrnoException): string {
  const { address, hostname, port } = error as { address?: string; hostname?: string; port?: number }
  const host = address ?? hostname ?? 'The address'
  return port === undefined ? host : `${host}:${port}`
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`
}

function oneLine(message: string): string {
  return withoutPassword(message.replaceAll(/\s*\n\s*/g, ' ').trim())
}
