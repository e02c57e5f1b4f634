import { createHmac } from 'node:crypto'
import type { Clock } from 'varve'
import { AccessRefused } from './access.ts'
import type { Member } from './acl.ts'
import { credentialsIn } from './credentials.ts'
import { FreshValues } from './fresh-values.ts'
import { Guesses } from './guesses.ts'
import type { Passwords } from './passwords.ts'
import { freshKey } from './secrets.ts'
import { isSecretOf, type TokenRecord, tokenParts } from './tokens.ts'
import { loginCharsMax, type UserRecord } from './users.ts'

/** Someone who has logged in. */
export interface Identity {
  readonly login: string
  readonly by: 'password' | 'token'
  /**
   * Who they are now; undefined once the credentials are worth nothing any more: another password, a token that is over or
   * revoked, a user who is disabled or gone. A promise when it has to be looked up.
   */
  member(): Member | undefined | Promise<Member | undefined>
}

/** What finding out who sends a request needs. */
export interface AuthenticatorParts {
  readonly clock: Clock
  readonly passwords: Passwords
  readonly findUser: (login: string) => Promise<UserRecord | undefined>
  readonly findToken: (id: string) => Promise<TokenRecord | undefined>
}

/** A header that was judged, and the hash that its password was compared with; undefined for a user who was not there. */
interface Judged {
  readonly login: string
  readonly hash: string | undefined
  readonly isRight: boolean
}

/** Headers that are remembered. */
const judgedMax = 10_000

/**
 * Finds out who sends a request.
 *
 * A password is hashed once: a digest of its header, with a key that this process alone has, is remembered beside the hash that
 * it matched, or did not. The next request costs the digest. Once the user has another hash, or is gone, what is remembered
 * says nothing any more.
 */
export class Authenticator {
  readonly #clock: Clock
  readonly #passwords: Passwords
  readonly #users: FreshValues<UserRecord>
  readonly #tokens: FreshValues<TokenRecord>
  readonly #guesses: Guesses
  readonly #key = freshKey()
  readonly #judged = new Map<string, Judged>()
  /** What is being judged: clients open many connections at once, with the same header. */
  readonly #judging = new Map<string, Promise<Judged>>()

  constructor({ clock, passwords, findUser, findToken }: AuthenticatorParts) {
    this.#clock = clock
    this.#passwords = passwords
    this.#users = new FreshValues(clock, findUser)
    this.#tokens = new FreshValues(clock, findToken)
    this.#guesses = new Guesses(clock)
  }

  /**
   * Who has sent an `Authorization` header; a promise when that is not known at once.
   *
   * @throws AccessRefused when the credentials are wrong or no credentials, or were guessed too often.
   */
  identify(header: string): Identity | Promise<Identity> {
    const judged = this.#judged.get(this.#digest(header))
    const user = judged?.isRight === true ? this.#users.known(judged.login)?.value : undefined
    if (user !== undefined && !user.isDisabled && user.passwordHash === judged?.hash) return this.#byPassword(user)
    return this.#found(header)
  }

  /** What is known of a user is looked up again. */
  forgetUser(login: string): void {
    this.#users.forget(login)
  }

  /** What is known of a token is looked up again. */
  forgetToken(id: string): void {
    this.#tokens.forget(id)
  }

  async #found(header: string): Promise<Identity> {
    const credentials = credentialsIn(header)
    if (credentials.kind === 'token') return this.#withToken(credentials.token)
    const { login, password } = credentials
    // Nobody is called so, and what is remembered of each name that was tried is bounded by their number only.
    if (login.length > loginCharsMax) throw wrong()
    const user = await this.#users.get(login)
    const judged = await this.#judge(this.#digest(header), login, password, user?.passwordHash)
    if (user === undefined || !judged.isRight || user.isDisabled) throw wrong()
    return this.#byPassword(user)
  }

  async #judge(digest: string, login: string, password: string, hash: string | undefined): Promise<Judged> {
    const before = this.#judged.get(digest)
    if (before !== undefined && before.hash === hash) return before
    const underWay = this.#judging.get(digest)
    if (underWay !== undefined) return underWay
    const judging = this.#compare(login, password, hash)
    this.#judging.set(digest, judging)
    try {
      const judged = await judging
      if (this.#judged.size >= judgedMax) this.#judged.delete(this.#judged.keys().next().value ?? '')
      this.#judged.set(digest, judged)
      return judged
    } finally {
      this.#judging.delete(digest)
    }
  }

  async #compare(login: string, password: string, hash: string | undefined): Promise<Judged> {
    if (!this.#guesses.take(login)) {
      const message = `Too many wrong passwords were given for this user. Wait for some seconds before the next one.`
      throw new AccessRefused('guesses', message)
    }
    const isRight = await this.#passwords.matches(password, hash)
    if (isRight) this.#guesses.giveBack(login)
    return { login, hash, isRight }
  }

  #byPassword({ login, passwordHash }: UserRecord): Identity {
    const memberOf = (user: UserRecord | undefined): Member | undefined =>
      user === undefined || user.isDisabled || user.passwordHash !== passwordHash ? undefined : user
    return {
      login,
      by: 'password',
      member: () => {
        const known = this.#users.known(login)
        return known === undefined ? this.#users.get(login).then(memberOf) : memberOf(known.value)
      },
    }
  }

  async #withToken(text: string): Promise<Identity> {
    const parts = tokenParts(text)
    const token = parts === undefined ? undefined : await this.#tokens.get(parts.id)
    if (parts === undefined || token === undefined || !isSecretOf(token, parts.secret)) throw wrong()
    const { id, login } = token
    const memberOf = (now: TokenRecord | undefined, user: UserRecord | undefined): Member | undefined => {
      const isOver = now === undefined || now.login !== login || now.expiresAtMs <= this.#clock.now()
      return isOver || user === undefined || user.isDisabled ? undefined : user
    }
    const member = (): Member | undefined | Promise<Member | undefined> => {
      const [known, user] = [this.#tokens.known(id), this.#users.known(login)]
      if (known !== undefined && user !== undefined) return memberOf(known.value, user.value)
      return Promise.all([this.#tokens.get(id), this.#users.get(login)]).then((found) => memberOf(...found))
    }
    if ((await member()) === undefined) throw wrong()
    return { login, by: 'token', member }
  }

  #digest(header: string): string {
    return createHmac('sha256', this.#key).update(header).digest('base64')
  }
}

/** Never says which of it: whoever guesses names would find out who is there. */
function wrong(): AccessRefused {
  return new AccessRefused(
    'credentials',
    'The credentials are wrong: there is no such user or token, or the password is another one.',
  )
}
