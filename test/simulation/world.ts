import { type Random, seeded } from '../../store/src/conformance/seeded.ts'
import type { Clock } from '../../store/src/engine/clock.ts'
import { settled } from './settled.ts'

/** How often something goes wrong, once in so many calls. 0 for never. */
export interface Faults {
  /** A call fails, half of the times after it was carried out. */
  readonly failure: number
  /** A process hangs for longer than anybody waits, then goes on as if nothing had been. */
  readonly pause: number
  /** A process ends in the middle of a call, and never comes back. */
  readonly kill: number
}

/** Nothing goes wrong. */
export const noFaults: Faults = { failure: 0, pause: 0, kill: 0 }

interface Due {
  readonly atMs: number
  readonly nth: number
  readonly happen: () => void
}

/**
 * A world of processes with one thread of time: whatever waits in any of them waits here, and what comes next is chosen by
 * the seed alone. So a run can be repeated exactly.
 */
export class World {
  readonly random: Random
  faults: Faults = noFaults
  /** The longest a process hangs, in milliseconds. */
  pauseMaxMs = 60_000
  #nowMs = 1_700_000_000_000
  #nth = 0
  /** Sorted: what is next lies at the end. */
  #due: Due[] = []

  constructor(seed: number) {
    this.random = seeded(seed)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Lets something happen later. */
  after(ms: number, happen: () => void): void {
    const due: Due = { atMs: this.#nowMs + Math.max(0, ms), nth: this.#nth++, happen }
    let [low, high] = [0, this.#due.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isLater(this.#due[middle] as Due, due)) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
  }

  /** Lets time pass until something is so, or for a while. True when it became so. */
  async until(isSo: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.#nowMs + withinMs
    for (;;) {
      await settled()
      if (isSo()) return true
      const next = this.#due.at(-1)
      if (next === undefined || next.atMs > endMs) break
      this.#due.pop()
      this.#nowMs = next.atMs
      next.happen()
    }
    this.#nowMs = endMs
    return false
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms)
  }

  /** A number from 0 up to 1. */
  chance = (): number => this.random.below(1_000_000) / 1_000_000
}

/** A process of the world: each of its calls takes time, may fail, and may be the one in which it hangs or ends. */
export class Process {
  readonly name: string
  readonly clock: Clock
  readonly #world: World
  /** Its clock is wrong by this, which must not matter. */
  readonly #skewMs: number
  #isAlive = true
  #hangsUntilMs = 0

  constructor(world: World, name: string) {
    this.name = name
    this.#world = world
    this.#skewMs = world.random.below(7_200_000) - 3_600_000
    this.clock = {
      now: () => world.nowMs + this.#skewMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
      turn: () => this.#sleep(0),
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Ends it at once: nothing that it waits for ever comes. */
  kill(): void {
    this.#isAlive = false
  }

  /** A call to something outside of the process. `lost` makes the error of a call that failed. */
  async call<Result>(work: () => Promise<Result>, lost: () => Error): Promise<Result> {
    const { random, faults } = this.#world
    const strikes = (times: number): boolean => times > 0 && random.oneIn(times)
    // What strikes now is met on the way: who is killed never comes to the call, who hangs comes late.
    if (strikes(faults.kill)) this.kill()
    if (strikes(faults.pause)) this.#hangsUntilMs = this.#world.nowMs + random.below(this.#world.pauseMaxMs)
    await this.#sleep(random.below(4))
    const fails = strikes(faults.failure) ? random.pick(['before', 'after']) : 'not'
    if (fails === 'before') throw lost()
    const result = await work()
    if (strikes(faults.kill)) this.kill()
    if (strikes(faults.pause)) this.#hangsUntilMs = this.#world.nowMs + random.below(this.#world.pauseMaxMs)
    await this.#sleep(random.below(4))
    if (fails === 'after') throw lost()
    return result
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake)
        this.#goOn(resolve)
      }
      if (signal?.aborted) return wake()
      signal?.addEventListener('abort', wake, { once: true })
      this.#world.after(ms, wake)
    })
  }

  /** Goes on when the process does: never when it has ended, later when it hangs. */
  #goOn(resolve: () => void): void {
    if (!this.#isAlive) return
    const restMs = this.#hangsUntilMs - this.#world.nowMs
    if (restMs > 0) this.#world.after(restMs, () => this.#goOn(resolve))
    else resolve()
  }
}

function isLater(one: Due, other: Due): boolean {
  return one.atMs > other.atMs || (one.atMs === other.atMs && one.nth > other.nth)
}
