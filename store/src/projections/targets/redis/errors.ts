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
  CROSSSLOT: 'Give a prefix without { and }: all keys of a target belong into one slot',
}

/**
 * An error of a client as one of ours. What Redis itself said begins with a code in capitals; whatever else goes wrong, goes
 * wrong on the way there.
 */
export function translatedRedis(error: unknown): unknown {
  if (isVarveError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  const [code] = /^[A-Z][A-Z0-9]+(?= )/.exec(text) ?? []
  if (code === undefined || passing.includes(code)) return new TargetUnavailable('redis', text, { cause: error })
  const hint = advice[code]
  return new TargetFailed('redis', hint === undefined ? text : `${text}. ${hint}.`, { cause: error })
}

/** Whether Redis does not know a script by its digest, as after every restart. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
