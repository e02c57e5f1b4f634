import { adminsGroup, operatorsGroup } from './acl.ts'
import { freshSecret } from './secrets.ts'
import { UserRefused } from './user-refused.ts'
import type { NewUser, Users } from './users.ts'

/** Passwords of the first users, where somebody has chosen them. */
export interface FirstPasswords {
  readonly admin: string | undefined
  readonly ops: string | undefined
}

/**
 * Makes `admin` and `ops`, as KurrentDB has them, where there is no user yet. Without a password that was chosen, `admin` gets
 * one that is made up and `ops` cannot log in.
 *
 * @returns the password that was made up: nobody can look it up later.
 */
export async function makeFirstUsers(users: Users, { admin, ops }: FirstPasswords): Promise<string | undefined> {
  if ((await users.list()).length > 0) return undefined
  const password = admin ?? freshSecret(18)
  const isMade = await made(users, { login: 'admin', fullName: 'Administrator', groups: [adminsGroup], password })
  const operator = { login: 'ops', fullName: 'Operations', groups: [operatorsGroup] }
  await made(users, { ...operator, password: ops ?? freshSecret(32), isDisabled: ops === undefined })
  return isMade && admin === undefined ? password : undefined
}

/** False when another server that starts at the same time was first. */
async function made(users: Users, user: NewUser): Promise<boolean> {
  try {
    await users.create(user)
    return true
  } catch (error) {
    if (error instanceof UserRefused && error.problem === 'exists') return false
    throw error
  }
}
