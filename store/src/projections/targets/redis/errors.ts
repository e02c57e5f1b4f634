import { isVarveError } from '../../../model/errors.ts'
import { TargetFailed, TargetUnavailable } from '../../../model/target-errors.ts'

/** First words of replies that tell of something that passes: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const passing: readonly string[] = [
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'UNBLOCKED',
]

const advice: Readonly<Record<string, string>> = {
  NOAUTH: 'Give the name and the password of a user in the URL, or to the client',
  WRONGPASS: 'Give the right name and password in the URL, or to the client',
  NOPERM: 'Give the user the right to EVALSHA, EVAL and the commands that the guide lists, on the keys of the prefix',
  OOM: 'Give it more memory, or a server of its own',
  MISCONF: 'Look at its log: it cannot save to its disk',
  WRONGTYPE: 'The prefix is not for others, and a key is read by the commands of what it holds',
  MOVED: 'This is one node of a cluster: give a client for clusters',
  CROSSSLOT: 'Give a prefix without { and }: all keys of a target belong into one slot',
}

/**
 * An error of a client as one of ours. What Redis itself said begins with a code in capitals; whatever else goes wrong, goes
 * wrong on the way there.
 */
export function translatedRedis(error: unknown): unknown {
  if (isVarveError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  const code = codeOf(text)
  if (code === undefined || passing.includes(code) || isFull(text))
    return new TargetUnavailable('redis', text, { cause: error })
  const hint = advice[code]
  return new TargetFailed('redis', hint === undefined ? text : `${text.replace(/\.$/, '')}. ${hint}.`, { cause: error })
}

/** Others hold all connections at this moment, for which Redis has no code of its own. */
function isFull(text: string): boolean {
  return text.startsWith('ERR max number of clients')
}

/** Redis 6 puts what a command of a script said at the end of a sentence of its own. */
function codeOf(text: string): string | undefined {
  return (/^ERR Error running script .*: -([A-Z][A-Z0-9]+) /.exec(text) ?? /^([A-Z][A-Z0-9]+) /.exec(text))?.[1]
}

/** Whether it is a replica that was written to, as the server that was the primary before is after a failover. */
export function isOfReplica(error: unknown): boolean {
  return error instanceof Error && codeOf(error.message) === 'READONLY'
}

/**
 * Whether the driver could not read what came: it tells so by an error of the language, or of no class of its own. All others
 * it has classes for, and those of the system have a code.
 */
export function isUnreadable(error: unknown): boolean {
  const kinds: readonly unknown[] = [Error, TypeError, RangeError]
  return error instanceof Error && kinds.includes(error.constructor) && !('code' in error)
}

/** The refusal of an answer that cannot be one to what was asked. Asked over another connection, it may be. */
export function outOfStep([command = '']: readonly string[]): TargetUnavailable {
  return new TargetUnavailable('redis', `what came as the answer to ${command} is none to it`)
}

/** The refusal of whatever waited on a connection over which something came that is no answer at all. */
export function garbled(cause: unknown): TargetUnavailable {
  return new TargetUnavailable('redis', `what came is not the protocol of Redis (${(cause as Error).message})`, {
    cause,
  })
}

/** Whether Redis does not know a script by its digest, as after every restart. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
