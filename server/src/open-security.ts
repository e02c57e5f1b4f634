import { readFileSync } from 'node:fs'
import { type Engine, InvalidArgument } from 'varve'
import { accountsOn } from './auth/accounts.ts'
import { makeFirstUsers } from './auth/first-users.ts'
import { openSecurity, type Security, type SecurityParts, securedBy } from './auth/security.ts'
import type { ServerConfig } from './config.ts'

/** What a server does about security, and what only whoever starts it gets to know. */
export interface OpenedSecurity {
  readonly security: Security
  /** The password of `admin` that was made up, on the first start. */
  readonly firstPassword: string | undefined
}

/**
 * Security as the configuration and the store want it. Logins are asked for when a certificate or a first password was given,
 * and wherever the store has users: a flag that was forgotten must not open what was closed. `insecure` opens everything.
 */
export async function openedSecurity(config: ServerConfig, parts: SecurityParts): Promise<OpenedSecurity> {
  const { users } = accountsOn(parts)
  const isAsked =
    config.cert !== undefined || config.adminPassword !== undefined || config.adminPasswordFile !== undefined
  if (config.insecure || !(isAsked || (await hasUsers(parts)))) {
    return { security: openSecurity(parts.store), firstPassword: undefined }
  }
  const firstPassword = await makeFirstUsers(users, { admin: passwordIn(config), ops: config.opsPassword })
  return { security: await securedBy(parts), firstPassword }
}

async function hasUsers({ engine }: { readonly engine: Pick<Engine, 'shelf'> }): Promise<boolean> {
  return (await engine.shelf.list({ prefix: 'auth/user/', after: '', limit: 1 })).length > 0
}

function passwordIn({ adminPassword, adminPasswordFile: path }: ServerConfig): string | undefined {
  if (path === undefined) return adminPassword
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new InvalidArgument('--admin-password-file', `is ${path}, which cannot be read (${code})`)
  }
}
