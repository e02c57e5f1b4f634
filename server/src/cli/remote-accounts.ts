import type { Accounts } from '../auth/accounts.ts'
import type { Token } from '../auth/tokens.ts'
import { type UserProblem, UserRefused } from '../auth/user-refused.ts'
import type { User } from '../auth/users.ts'
import { authorizationFor } from '../open-engine.ts'
import { CliFailure, exitCodes } from './failure.ts'

/** What there is to do about accounts from outside of a server. */
export interface ManagedAccounts {
  readonly users: Omit<Accounts['users'], 'find' | 'changePassword'>
  readonly tokens: Omit<Accounts['tokens'], 'find' | 'revokeAll'>
}

interface WireUser {
  readonly login: string
  readonly full_name: string
  readonly groups: readonly string[]
  readonly disabled: boolean
  readonly updated_at: string
}

interface WireToken {
  readonly id: string
  readonly login: string
  readonly note: string
  readonly created_at: string
  readonly expires_at: string
}

type Call = <Answer>(method: string, path: string, body?: object) => Promise<Answer>

/** The accounts of a server, over HTTP. */
export function remoteAccounts(storeUrl: string, token: string | undefined, signal: AbortSignal): ManagedAccounts {
  const call = callerOf(storeUrl, token, signal)
  const at = (login: string, more = ''): string => `/users/${encodeURIComponent(login)}${more}`
  const change = async (method: string, path: string, body?: object): Promise<User> =>
    userFrom(await call<WireUser>(method, path, body))
  const tokensOf = async (login: string): Promise<readonly Token[]> =>
    (await call<{ tokens: readonly WireToken[] }>('GET', at(login, '/tokens'))).tokens.map(tokenFrom)
  const list = async (): Promise<readonly User[]> =>
    (await call<{ users: readonly WireUser[] }>('GET', '/users')).users.map(userFrom)

  return {
    users: {
      list,
      details: (login) => change('GET', at(login)),
      create: ({ login, password, fullName, groups }) =>
        change('POST', '/users', { login, password, full_name: fullName, groups }),
      update: (login, { fullName, groups }) => change('PATCH', at(login), { full_name: fullName, groups }),
      setDisabled: (login, isDisabled) => change('POST', at(login, isDisabled ? '/disable' : '/enable')),
      resetPassword: async (login, next) => void (await change('PUT', at(login, '/password'), { new_password: next })),
      delete: async (login) => void (await change('DELETE', at(login))),
    },
    tokens: {
      list: async (login) => {
        if (login !== undefined) return tokensOf(login)
        const all = await list()
        return (await Promise.all(all.map((user) => tokensOf(user.login)))).flat()
      },
      create: async ({ login, note, expiresInMs }) => {
        const body = { note, expires_in_seconds: Math.ceil(expiresInMs / 1_000) }
        const made = await call<WireToken & { token: string }>('POST', at(login, '/tokens'), body)
        return { token: tokenFrom(made), text: made.token }
      },
      revoke: async (id, login = '') => void (await call('DELETE', at(login, `/tokens/${encodeURIComponent(id)}`))),
    },
  }
}

function callerOf(storeUrl: string, token: string | undefined, signal: AbortSignal): Call {
  const { url, authorization } = authorizationFor(storeUrl, token)
  const headers = authorization === undefined ? {} : { authorization }
  return async (method, path, body) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const asJson = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      method,
      headers: { ...headers, ...asJson },
      signal,
      ...sent,
    }).catch((cause: unknown) => {
      throw new CliFailure(`The server at ${url} does not answer. Check --store.`, exitCodes.unavailable, { cause })
    })
    const result = (await answer.json().catch(() => ({}))) as Readonly<Record<string, unknown>>
    if (answer.ok) return result as never
    throw refusalOf(result, answer.status)
  }
}

const problems: Readonly<Record<string, UserProblem>> = {
  NO_SUCH_USER: 'not_found',
  USER_EXISTS: 'exists',
  USER_INVALID: 'invalid',
  USER_OVERTAKEN: 'overtaken',
  NO_LOGINS: 'no_logins',
}

function refusalOf({ code, login, detail }: Readonly<Record<string, unknown>>, status: number): Error {
  const known = problems[String(code)]
  if (known !== undefined) return new UserRefused(known, String(login ?? ''), String(detail))
  const exitCode = status === 400 || status === 422 ? exitCodes.usage : exitCodes.failed
  return new CliFailure(detail === undefined ? `The server answered with status ${status}.` : String(detail), exitCode)
}

function userFrom({ login, full_name, groups, disabled, updated_at }: WireUser): User {
  return { login, fullName: full_name, groups, isDisabled: disabled, updatedAtMs: Date.parse(updated_at) }
}

function tokenFrom({ id, login, note, created_at, expires_at }: WireToken): Token {
  return { id, login, note, createdAtMs: Date.parse(created_at), expiresAtMs: Date.parse(expires_at) }
}
