import { spawnSync } from 'node:child_process'

/**
 * How a server runs that refuses to run as root:
 * - `self`: as the user of this process, who is not root;
 * - `namespace`: as the same user, who is called nobody inside a user namespace, so that every file stays readable;
 * - `nobody`: as another user, who sees only what everybody sees.
 */
export type RunAs = 'self' | 'namespace' | 'nobody'

/** A user by numbers; empty for the one of this process. */
export type User = { readonly uid: number; readonly gid: number } | Record<string, never>

/** What to start a program with to get there. */
export interface Identity {
  readonly runAs: RunAs
  readonly prefix: readonly string[]
  readonly user: User
}

/** The number of the user and the group nobody, on every Linux. */
export const nobody = 65_534

/** Linux sends the signal when the starter is gone, which covers that somebody kills all of Node at once. */
const withParent = ['setpriv', '--pdeathsig', 'QUIT', '--']

const namespace = ['unshare', '-U', `--map-user=${nobody}`, `--map-group=${nobody}`]

/** The identity asked for; without a wish the one that needs least, as far as this machine has it. */
export function identity(wish?: RunAs): Identity {
  const runAs = wish ?? cheapest()
  const prefix = [...(runAs === 'namespace' ? namespace : []), ...(works(withParent) ? withParent : [])]
  return { runAs, prefix, user: runAs === 'nobody' ? { uid: nobody, gid: nobody } : {} }
}

/** Whether this process is root, whom neither PostgreSQL nor PgBouncer accept. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

function cheapest(): RunAs {
  if (!isRoot()) return 'self'
  return hasNamespaces() ? 'namespace' : 'nobody'
}

/** Whether user namespaces work here: many containers forbid them. */
export function hasNamespaces(): boolean {
  return works(namespace)
}

function works([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0
}
