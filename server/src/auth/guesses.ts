import type { Clock } from 'varve'

/** Wrong passwords for one login before it has to wait, and how long until it may try once more, in milliseconds. */
const guessesAtOnce = 10
const guessEveryMs = 2_000

/** Logins that are remembered: whoever tries more of them than this finds no more of each. */
const loginsMax = 10_000

/** Bounds how often a password can be guessed: ten times at once for each login, and once in two seconds from then on. */
export class Guesses {
  readonly #clock: Clock
  /** When each login will have all of its guesses again. */
  readonly #restedAtMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a guess, before it is known to be wrong: otherwise many could be under way. False when there is none left. */
  take(login: string): boolean {
    const now = this.#clock.now()
    const restedAtMs = Math.max(this.#restedAtMs.get(login) ?? now, now) + guessEveryMs
    if (restedAtMs - now > guessesAtOnce * guessEveryMs) return false
    this.#restedAtMs.delete(login)
    if (this.#restedAtMs.size >= loginsMax) this.#restedAtMs.delete(this.#restedAtMs.keys().next().value ?? '')
    this.#restedAtMs.set(login, restedAtMs)
    return true
  }

  /** The password was right: whoever knows it may log in again as often as they like. */
  giveBack(login: string): void {
    this.#restedAtMs.set(login, (this.#restedAtMs.get(login) ?? 0) - guessEveryMs)
  }
}
