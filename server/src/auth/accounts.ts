import type { Clock, Engine } from 'varve'
import type { Passwords } from './passwords.ts'
import { shelfTokens, type Tokens } from './tokens.ts'
import { UserRefused } from './user-refused.ts'
import { shelfUsers, type Users } from './users.ts'

/** Who may log in, and with what. */
export interface Accounts {
  readonly users: Users
  readonly tokens: Tokens
}

/** What accounts are kept with. */
export interface AccountsParts {
  readonly engine: Pick<Engine, 'shelf'>
  readonly clock: Clock
  readonly passwords: Passwords
  /** Hear of what has changed, for whoever remembers it. */
  readonly userChanged?: (login: string) => void
  readonly tokenRevoked?: (id: string) => void
}

const nobody = (): void => undefined

/** The accounts on a store's shelf. */
export function accountsOn({ engine, clock, passwords, ...hearing }: AccountsParts): Accounts {
  const { userChanged: changed = nobody, tokenRevoked: revoked = nobody } = hearing
  const tokens = shelfTokens({ engine, clock, revoked })
  const users = shelfUsers({ engine, clock, passwords, changed })
  const remove = async (login: string): Promise<void> => {
    await users.delete(login)
    // Somebody who gets the same name later on must not be who others still have tokens for.
    await tokens.revokeAll(login)
  }
  return { users: { ...users, delete: remove }, tokens }
}

/** Of a server where nobody has to log in: there is nobody, and nobody can be added who would be one on the next start. */
export const noAccounts: Accounts = {
  users: {
    find: async () => undefined,
    details: (login) => {
      const message = `There is no user ${JSON.stringify(login.slice(0, 100))}: nobody has to log in here.`
      return Promise.reject(new UserRefused('not_found', login, message))
    },
    list: async () => [],
    create: ({ login }) => refused(login),
    update: refused,
    setDisabled: refused,
    changePassword: refused,
    resetPassword: refused,
    delete: refused,
  },
  tokens: {
    find: async () => undefined,
    list: async () => [],
    create: ({ login }) => refused(login),
    revoke: refused,
    revokeAll: refused,
  },
}

function refused(login: string): Promise<never> {
  const message =
    'Nobody has to log in here, so there are no users to change. Start the server with --cert, or with a password of admin.'
  return Promise.reject(new UserRefused('no_logins', login, message))
}
