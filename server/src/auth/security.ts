import type { Clock, Engine, EventStore } from 'varve'
import { type Access, AccessRefused, type Ask, nobody, openAccess, type Role, type StreamRight } from './access.ts'
import { type Accounts, accountsOn, noAccounts } from './accounts.ts'
import { adminsGroup, isAllowed, type Member, operatorsGroup } from './acl.ts'
import { withAclWrites } from './acl-writes.ts'
import { Authenticator, type Identity } from './authenticator.ts'
import type { Passwords } from './passwords.ts'
import { followAcls, type StreamAcls } from './stream-acls.ts'
import { Withdrawals } from './withdrawals.ts'

/** Who may do what on one server: the only place where that is decided, whatever protocol a request comes by. */
export interface Security {
  /** Whether requests have to say who sends them. */
  readonly asksForLogin: boolean
  readonly accounts: Accounts
  /** The store for requests: what it answers holds for the rights of the next request. */
  readonly store: EventStore
  /**
   * What the sender of a request may do, by its `Authorization` header.
   *
   * @throws AccessRefused when there are credentials, and they are wrong.
   */
  admit(header: string | undefined): Access | Promise<Access>
}

/** What security needs. */
export interface SecurityParts {
  readonly engine: Pick<Engine, 'shelf'>
  readonly store: EventStore
  readonly clock: Clock
  readonly passwords: Passwords
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  readonly failed: (error: unknown) => void
}

/** Nobody has to log in: credentials are taken and mean nothing. */
export function openSecurity(store: EventStore): Security {
  return { asksForLogin: false, accounts: noAccounts, store, admit: () => openAccess }
}

/** Everybody has to log in. Resolves once all rights are known. */
export async function securedBy(parts: SecurityParts): Promise<Security> {
  const { engine, store, clock, passwords } = parts
  const accounts = accountsOn({
    engine,
    clock,
    passwords,
    userChanged: (login) => authenticator.forgetUser(login),
    tokenRevoked: (id) => authenticator.forgetToken(id),
  })
  const { users, tokens } = accounts
  const authenticator = new Authenticator({ clock, passwords, findUser: users.find, findToken: tokens.find })
  const acls = await followAcls(parts)
  const withdrawals = new Withdrawals(parts)
  const accessOf = (identity: Identity): Access => new UserAccess(identity, acls, withdrawals)
  return {
    asksForLogin: true,
    accounts,
    store: withAclWrites(store, acls),
    admit: (header) => {
      if (header === undefined) return anonymous
      const identity = authenticator.identify(header)
      return 'login' in identity ? accessOf(identity) : identity.then(accessOf)
    },
  }
}

class UserAccess implements Access {
  readonly login: string
  readonly by: 'password' | 'token'
  readonly #identity: Identity
  readonly #acls: StreamAcls
  readonly #withdrawals: Withdrawals

  constructor(identity: Identity, acls: StreamAcls, withdrawals: Withdrawals) {
    this.login = identity.login
    this.by = identity.by
    this.#identity = identity
    this.#acls = acls
    this.#withdrawals = withdrawals
  }

  to(right: StreamRight, stream: string): Promise<void> | undefined {
    return this.#asked((member) => {
      if (mayTo(member, right, stream, this.#acls)) return undefined
      const what = `${right.replace('_', ' ')} ${stream === '$all' ? 'all streams ($all)' : `stream '${stream.slice(0, 200)}'`}`
      return new AccessRefused('denied', `Access denied: user '${this.login}' may not ${what}.`)
    })
  }

  as(role: Role): Promise<void> | undefined {
    return this.#asked(({ groups }) => {
      const needed = groupsOf[role]
      if (needed === undefined || needed.some((group) => groups.includes(group))) return undefined
      return new AccessRefused('denied', `Access denied: user '${this.login}' is not in ${needed.join(' or ')}.`)
    })
  }

  whileAllowed(ask: Ask, over: AbortSignal): AbortSignal {
    return this.#withdrawals.whileAllowed(ask, over)
  }

  #asked(judge: (member: Member) => AccessRefused | undefined): Promise<void> | undefined {
    const member = this.#identity.member()
    if (member instanceof Promise) return member.then((found) => refuse(judgement(found, judge)))
    const refused = judgement(member, judge)
    return refused === undefined ? undefined : Promise.reject(refused)
  }
}

const groupsOf: Readonly<Record<Role, readonly string[] | undefined>> = {
  user: undefined,
  operator: [adminsGroup, operatorsGroup],
  admin: [adminsGroup],
}

function judgement(
  member: Member | undefined,
  judge: (member: Member) => AccessRefused | undefined,
): AccessRefused | undefined {
  return member === undefined ? new AccessRefused('credentials', 'The credentials are no longer valid.') : judge(member)
}

function refuse(refused: AccessRefused | undefined): void {
  if (refused !== undefined) throw refused
}

function mayTo(member: Member, right: StreamRight, stream: string, acls: StreamAcls): boolean {
  const isMetadata = stream.length > 2 && stream.startsWith('$$')
  const subject = isMetadata ? stream.slice(2) : stream
  const asked = isMetadata ? ofMetadata[right] : right
  return isAllowed(member, asked, subject, acls.of(subject), acls.defaults)
}

/** What a right to a stream of metadata is a right to. */
const ofMetadata: Readonly<Record<StreamRight, StreamRight>> = {
  read: 'read_metadata',
  write: 'write_metadata',
  delete: 'write_metadata',
  read_metadata: 'read_metadata',
  write_metadata: 'write_metadata',
}

const anonymous: Access = nobody(
  () => new AccessRefused('anonymous', 'Access denied: log in first. Send Basic credentials or a Bearer token.'),
)
