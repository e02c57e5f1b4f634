import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock, Engine } from 'varve'
import { freshSecret } from './secrets.ts'
import { shelfEntries } from './shelf-entries.ts'
import { UserRefused } from './user-refused.ts'

/** A token with which a program logs in as a user. */
export interface Token {
  readonly id: string
  readonly login: string
  /** What it is for. */
  readonly note: string
  readonly createdAtMs: number
  /** In milliseconds since 1970. */
  readonly expiresAtMs: number
}

/** A token as the store keeps it. */
export interface TokenRecord extends Token {
  readonly secretHash: string
}

/** The tokens of a store. */
export interface Tokens {
  /** Makes a token. The text is the only one there ever is of it. */
  create(token: NewToken): Promise<{ readonly token: Token; readonly text: string }>
  /** The record with its hash, for whoever checks a token. */
  find(id: string): Promise<TokenRecord | undefined>
  /** Those of one user, or of all. */
  list(login?: string): Promise<readonly Token[]>
  /** @throws UserRefused when there is none, or it is somebody else's than `login`, where that is given. */
  revoke(id: string, login?: string): Promise<void>
  /** Takes away all tokens of a user. */
  revokeAll(login: string): Promise<void>
}

/** What is said about a token that is made. */
export interface NewToken {
  readonly login: string
  readonly note?: string
  readonly expiresInMs: number
}

/** What tokens are kept with. */
export interface TokensParts {
  readonly engine: Pick<Engine, 'shelf'>
  readonly clock: Clock
  /** Hears of each token that was revoked. */
  readonly revoked: (id: string) => void
}

/** How long a token may last: a year and a day. */
export const longestTokenMs: number = 366 * 86_400_000

const noteCharsMax = 200

/** Tokens of one user, so that a program that makes one for each request is found out. */
const tokensOfUserMax = 1_000

/** The tokens on a store's shelf. */
export function shelfTokens({ engine, clock, revoked }: TokensParts): Tokens {
  const entries = shelfEntries<TokenRecord>(engine, 'auth/token/')
  const list = async (login?: string): Promise<readonly TokenRecord[]> =>
    (await entries.list()).map(({ value }) => value).filter((token) => login === undefined || token.login === login)

  const remove = async (id: string): Promise<void> => {
    for (let kept = await entries.get(id); kept !== undefined; kept = await entries.get(id)) {
      if (await entries.delete(id, kept.version)) break
    }
    revoked(id)
  }

  return {
    create: async ({ login, note = '', expiresInMs }) => {
      if (
        !Number.isSafeInteger(expiresInMs) ||
        expiresInMs < 1 ||
        expiresInMs > longestTokenMs ||
        note.length > noteCharsMax
      ) {
        throw new UserRefused(
          'invalid',
          login,
          `A token lasts from a moment to 366 days, and its note has at most ${noteCharsMax} characters.`,
        )
      }
      const now = clock.now()
      const own = await list(login)
      for (const { id } of own.filter(({ expiresAtMs }) => expiresAtMs <= now)) await remove(id)
      if (own.length >= tokensOfUserMax) {
        throw new UserRefused(
          'invalid',
          login,
          `The user has ${own.length} tokens, which is too many. Revoke some first.`,
        )
      }
      // Letters and digits only, so that an id is never taken for an option of a command.
      const [id, secret] = [freshSecret(12).replaceAll(/[-_]/g, 'x'), freshSecret(32)]
      const token = { id, login, note, createdAtMs: now, expiresAtMs: now + expiresInMs }
      await entries.put(id, { ...token, secretHash: hashOf(secret).toString('base64url') }, 0)
      return { token, text: `${prefix}${id}.${secret}` }
    },
    find: async (id) => (await entries.get(id))?.value,
    list: async (login) => (await list(login)).map(({ secretHash: _, ...token }) => token),
    revoke: async (id, login) => {
      const kept = /^[\w-]{16}$/.test(id) ? await entries.get(id) : undefined
      if (kept === undefined || (login !== undefined && kept.value.login !== login)) {
        throw new UserRefused('not_found', login ?? '', 'There is no token with this id.')
      }
      await remove(id)
    },
    revokeAll: async (login) => {
      for (const { id } of await list(login)) await remove(id)
    },
  }
}

/** What every token begins with, so that those who look for secrets in files find it. */
const prefix = 'vt.'

/** The id and the secret in the text of a token; undefined when it is the text of none. */
export function tokenParts(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = /^vt\.([\w-]{16})\.([\w-]{43})$/.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** Whether a secret is that of a token. */
export function isSecretOf({ secretHash }: TokenRecord, secret: string): boolean {
  return timingSafeEqual(Buffer.from(secretHash, 'base64url'), hashOf(secret))
}

/** A secret of 256 random bits needs no slow hash: nobody finds it by guessing. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
