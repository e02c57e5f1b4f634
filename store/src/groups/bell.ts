import type { Clock } from '../engine/clock.ts'

/** Given when a sleep ends early: the error that would be made otherwise costs more than all else that a ring does. */
const rung = 'rung'

/** Wakes one that sleeps; rung while nobody sleeps, it lets the next sleep end at once. */
export class Bell {
  readonly #clock: Clock
  #isRung = false
  #sleep: AbortController | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#isRung = true
    this.#sleep?.abort(rung)
  }

  /** Sleeps until it is rung, or the time has passed. Whatever else is ready to run then runs first, once. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isRung) {
      this.#sleep = new AbortController()
      await this.#clock.sleep(ms, this.#sleep.signal)
      this.#sleep = undefined
    }
    await this.#clock.turn()
    this.#isRung = false
  }
}
