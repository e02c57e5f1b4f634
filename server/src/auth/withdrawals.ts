import type { Clock } from 'varve'
import { AccessRefused, type Ask } from './access.ts'

/** How often it is asked whether what is open may stay so, in milliseconds. */
const everyMs = 1_000

/** What withdrawing needs. */
export interface WithdrawalsParts {
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/**
 * Ends what stays open once the right to it is withdrawn, also while nothing happens in it: a subscription that waits for an
 * event would otherwise hold its connection with a token that was revoked long ago.
 *
 * One look at everything that is open, again and again while there is something: a timer for each would cost a busy server
 * more than what it asks. A right is known for two seconds, so that a look asks the store about each user once in that time.
 */
export class Withdrawals {
  readonly #clock: Clock
  readonly #closing: AbortSignal
  readonly #open = new Map<AbortController, Ask>()
  #isLooking = false

  constructor({ clock, closing }: WithdrawalsParts) {
    this.#clock = clock
    this.#closing = closing
  }

  /** Aborts with what `ask` is refused with, or when `over` does, which has to come. */
  whileAllowed(ask: Ask, over: AbortSignal): AbortSignal {
    const withdrawn = new AbortController()
    if (over.aborted) return over
    this.#open.set(withdrawn, ask)
    over.addEventListener('abort', () => this.#open.delete(withdrawn), { once: true })
    void this.#look()
    return AbortSignal.any([over, withdrawn.signal])
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    while (this.#open.size > 0 && !this.#closing.aborted) {
      await this.#clock.sleep(everyMs, this.#closing)
      // One after the other: however many are open, the store is asked one question at a time.
      for (const [withdrawn, ask] of this.#open) {
        const refused = await refusalOf(ask)
        if (refused === undefined) continue
        this.#open.delete(withdrawn)
        withdrawn.abort(refused)
      }
    }
    this.#isLooking = false
  }
}

/**
 * What a right is refused with; undefined while it is there, and while the store cannot be asked: that ends nothing, and what is
 * sent meanwhile is asked for by itself.
 */
async function refusalOf(ask: Ask): Promise<AccessRefused | undefined> {
  try {
    const asked = ask()
    if (asked !== undefined) await asked
    return undefined
  } catch (error) {
    return error instanceof AccessRefused ? error : undefined
  }
}
