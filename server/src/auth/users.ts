import type { Clock, Engine } from 'varve'
import type { Passwords } from './passwords.ts'
import { shelfEntries } from './shelf-entries.ts'
import { UserRefused } from './user-refused.ts'

/** Someone who may log in. */
export interface User {
  readonly login: string
  readonly fullName: string
  readonly groups: readonly string[]
  readonly isDisabled: boolean
  /** When something about the user was last changed, in milliseconds since 1970. */
  readonly updatedAtMs: number
}

/** A user as the store keeps it. */
export interface UserRecord extends User {
  readonly passwordHash: string
}

/** What is said about a user who is created. */
export interface NewUser {
  readonly login: string
  readonly password: string
  readonly fullName?: string
  readonly groups?: readonly string[]
  readonly isDisabled?: boolean
}

/** The users of a store. Who may change them is asked elsewhere. */
export interface Users {
  /** The record with its hash, for whoever checks a password. */
  find(login: string): Promise<UserRecord | undefined>
  /** @throws UserRefused when there is none. */
  details(login: string): Promise<User>
  list(): Promise<readonly User[]>
  create(user: NewUser): Promise<User>
  /** Changes the name and the groups; what is not given stays. */
  update(login: string, changes: Partial<Pick<User, 'fullName' | 'groups'>>): Promise<User>
  setDisabled(login: string, isDisabled: boolean): Promise<User>
  /** Of one's own, for which one knows the present one. */
  changePassword(login: string, current: string, next: string): Promise<void>
  /** Of somebody else. */
  resetPassword(login: string, next: string): Promise<void>
  delete(login: string): Promise<void>
}

/** What users are kept with. */
export interface UsersParts {
  readonly engine: Pick<Engine, 'shelf'>
  readonly clock: Clock
  readonly passwords: Passwords
  /** Hears of each login about which something has changed. */
  readonly changed: (login: string) => void
}

/** Characters of a login. */
export const loginCharsMax = 100
const fullNameCharsMax = 200
const groupsMax = 100
const passwordCharsMax = 1_000

/** How often to begin anew when somebody else changes the same user. */
const attemptsMax = 8

/** The users on a store's shelf. */
export function shelfUsers({ engine, clock, passwords, changed }: UsersParts): Users {
  const entries = shelfEntries<UserRecord>(engine, 'auth/user/')

  async function change(login: string, changes: Partial<UserRecord>): Promise<User> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const kept = await entries.get(login)
      if (kept === undefined) throw notFound(login)
      const next = { ...kept.value, ...changes, updatedAtMs: clock.now() }
      if ((await entries.put(login, next, kept.version)) === 'conflict') continue
      changed(login)
      return withoutHash(next)
    }
    throw new UserRefused('overtaken', login, `User ${quoted(login)} is being changed by others. Try again.`)
  }

  return {
    find: async (login) => (isLogin(login) ? (await entries.get(login))?.value : undefined),
    details: async (login) => {
      const kept = isLogin(login) ? await entries.get(login) : undefined
      if (kept === undefined) throw notFound(login)
      return withoutHash(kept.value)
    },
    list: async () => (await entries.list()).map(({ value }) => withoutHash(value)),
    create: async ({ login, password, fullName = '', groups = [], isDisabled = false }) => {
      checkLogin(login)
      checkSaid(login, { fullName, groups })
      checkPassword(login, password)
      const passwordHash = await passwords.hash(password)
      const user = { login, fullName, groups: [...groups], isDisabled, updatedAtMs: clock.now(), passwordHash }
      if ((await entries.put(login, user, 0)) === 'conflict') {
        throw new UserRefused('exists', login, `There is a user ${quoted(login)} already.`)
      }
      changed(login)
      return withoutHash(user)
    },
    update: (login, changes) => {
      checkSaid(login, changes)
      return change(login, changes)
    },
    setDisabled: (login, isDisabled) => change(login, { isDisabled }),
    changePassword: async (login, current, next) => {
      checkPassword(login, next)
      const kept = await entries.get(login)
      if (kept === undefined) throw notFound(login)
      if (!(await passwords.matches(current, kept.value.passwordHash))) {
        throw new UserRefused('wrong_password', login, `The present password of user ${quoted(login)} is another one.`)
      }
      await change(login, { passwordHash: await passwords.hash(next) })
    },
    resetPassword: async (login, next) => {
      checkPassword(login, next)
      await change(login, { passwordHash: await passwords.hash(next) })
    },
    delete: async (login) => {
      for (let attempt = 1; attempt <= attemptsMax; attempt++) {
        const kept = await entries.get(login)
        if (kept === undefined) throw notFound(login)
        if (!(await entries.delete(login, kept.version))) continue
        changed(login)
        return
      }
      throw new UserRefused('overtaken', login, `User ${quoted(login)} is being changed by others. Try again.`)
    },
  }
}

/** Basic credentials end the name at the first colon, and groups begin with a dollar sign. */
function isLogin(login: string): boolean {
  return /^[^$:\p{Cc}\s][^:\p{Cc}]*$/u.test(login) && login.length <= loginCharsMax && login.trim() === login
}

function checkLogin(login: string): void {
  if (isLogin(login) && login.isWellFormed()) return
  throw new UserRefused(
    'invalid',
    login,
    `${quoted(login)} is no name to log in by: it has 1 to ${loginCharsMax} characters, no colon, no line break, and begins with no $.`,
  )
}

function checkSaid(login: string, { fullName = '', groups = [] }: Partial<Pick<User, 'fullName' | 'groups'>>): void {
  if (fullName.length > fullNameCharsMax) {
    throw new UserRefused('invalid', login, `The full name has more than ${fullNameCharsMax} characters.`)
  }
  const wrong = groups.find((group) => group.trim() === '' || group.length > loginCharsMax || group === '$all')
  if (wrong !== undefined || groups.length > groupsMax) {
    const problem = wrong === undefined ? `there are more than ${groupsMax}` : `${quoted(wrong)} is no name of one`
    throw new UserRefused('invalid', login, `The groups of user ${quoted(login)} cannot be kept: ${problem}.`)
  }
}

function checkPassword(login: string, password: string): void {
  if (password !== '' && password.length <= passwordCharsMax) return
  throw new UserRefused('invalid', login, `A password has 1 to ${passwordCharsMax} characters.`)
}

function withoutHash({ passwordHash: _, ...user }: UserRecord): User {
  return user
}

function notFound(login: string): UserRefused {
  return new UserRefused('not_found', login, `There is no user ${quoted(login)}.`)
}

function quoted(login: string): string {
  return JSON.stringify(login.slice(0, loginCharsMax))
}
