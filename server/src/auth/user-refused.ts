/** Why a change of users was refused. */
export type UserProblem = 'not_found' | 'exists' | 'invalid' | 'overtaken' | 'wrong_password' | 'no_logins'

/** A refusal to change users, or tokens. */
export class UserRefused extends Error {
  readonly problem: UserProblem
  /** The user it is about. */
  readonly login: string

  constructor(problem: UserProblem, login: string, message: string) {
    super(message)
    this.name = 'UserRefused'
    this.problem = problem
    this.login = login
  }
}
