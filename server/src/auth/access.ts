/** What may be done to a stream: the five rights of an access control list. */
export type StreamRight = 'read' | 'write' | 'delete' | 'read_metadata' | 'write_metadata'

/** Who may do what concerns no stream: whoever has logged in, those who run the server, those who say who may log in. */
export type Role = 'user' | 'operator' | 'admin'

/** Asks for a right: undefined where it is there and that is known, a promise that rejects with AccessRefused where it is not. */
export type Ask = () => Promise<void> | undefined

/** What the caller of one request may do. Protocols ask it, and know nothing of users. */
export interface Access {
  /** The name the caller has logged in by; undefined for nobody. */
  readonly login: string | undefined
  /** What the caller has logged in with. */
  readonly by: 'password' | 'token' | undefined
  /**
   * Asks for a right to a stream; to a stream of metadata (`$$` and a name) that is the right to the metadata of the other one.
   * Asked again it judges by what holds then: rights that are withdrawn end what is under way.
   *
   * @returns undefined where it is allowed and that is known; a promise that rejects with AccessRefused where it is not.
   */
  to(right: StreamRight, stream: string): Promise<void> | undefined
  /** Asks for a role, in the same way. */
  as(role: Role): Promise<void> | undefined
  /**
   * For what stays open: aborts with AccessRefused within seconds once `ask` is refused, also while nothing is sent; and when
   * `over` aborts, which says that it is closed.
   */
  whileAllowed(ask: Ask, over: AbortSignal): AbortSignal
}

/**
 * Why a request was refused: the credentials are wrong; nobody has logged in; whoever has may not do it; or too many wrong
 * passwords were given for this user of late.
 */
export type AccessProblem = 'credentials' | 'anonymous' | 'denied' | 'guesses'

/** A refusal on its way to the client. */
export class AccessRefused extends Error {
  readonly problem: AccessProblem

  constructor(problem: AccessProblem, message: string) {
    super(message)
    this.name = 'AccessRefused'
    this.problem = problem
  }
}

/** Of a server where nobody has to log in: everybody may do everything. */
export const openAccess: Access = {
  login: undefined,
  by: undefined,
  to: () => undefined,
  as: () => undefined,
  whileAllowed: (_, over) => over,
}

/** Of a request that nobody has looked at yet. */
export const noAccess: Access = nobody(() => new AccessRefused('anonymous', 'Nobody has asked yet who sends this.'))

/** Of somebody who may do nothing, and is told why. */
export function nobody(refusal: () => AccessRefused): Access {
  const refuse = (): Promise<never> => Promise.reject(refusal())
  const whileAllowed = (): AbortSignal => AbortSignal.abort(refusal())
  return { login: undefined, by: undefined, to: refuse, as: refuse, whileAllowed }
}
