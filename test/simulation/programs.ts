/**
 * A world in which time passes only when everybody waits for it: programs that share a store, each with a clock of its
 * own, stopped and killed wherever they wait. Everything that is random comes from one seed, and nothing else is: the
 * same seed is the same world, step by step.
 */

import { type Random, seeded } from '../../store/src/conformance/seeded.ts'
import type { Clock } from '../../store/src/engine/clock.ts'
import { settled } from './settled.ts'

/** A world and how long it has lasted. */
export interface World {
  readonly random: Random
  /** Milliseconds since it began. */
  readonly nowMs: () => number
  /** Resolves after so many milliseconds of the world. */
  sleep(ms: number): Promise<void>
  /** A clock that is right: for what is no program, such as the store. */
  readonly clock: Clock
  /** Starts a program, whose clock may be wrong by hours and a tenth too fast or too slow. */
  start(name: string): Program
  /** Lets time pass until something holds; fails when it does not within so many milliseconds. */
  until(holds: () => boolean, withinMs: number): Promise<void>
  /** Lets time pass until a task is done. */
  during<Result>(task: () => Promise<Result>, withinMs: number): Promise<Result>
}

/** A program: whatever runs on its clock and through its gate. */
export interface Program {
  readonly name: string
  readonly clock: Clock
  /** Chance of its own. */
  readonly random: Random
  readonly isKilled: () => boolean
  readonly isPaused: () => boolean
  /** Aborts when it is killed. */
  readonly death: AbortSignal
  /** Passed by everything that comes back to the program from outside: nothing does once it is killed. */
  gate(): Promise<void>
  /** As SIGKILL: it never goes on from where it waits. */
  kill(): void
  /** As SIGSTOP, for so many milliseconds: what comes for it waits, and its clock goes on. */
  pause(ms: number): void
}

/** What is to happen, and when. */
interface Due {
  readonly atMs: number
  /** Among those at one time. */
  readonly order: number
  readonly wake: () => void
}

/** The world of a seed. */
export function createWorld(seed: number): World {
  const random = seeded(seed)
  const agenda: Due[] = []
  let nowMs = 0

  function at(atMs: number, wake: () => void): Due {
    const due = { atMs, order: random.below(1_000_000), wake }
    let index = agenda.length
    while (index > 0 && isLater(agenda[index - 1] as Due, due)) index--
    agenda.splice(index, 0, due)
    return due
  }

  const sleep = (ms: number): Promise<void> => new Promise((resolve) => at(nowMs + ms, resolve))

  /** Sleeps until the time has come or the signal aborts, whichever is first. */
  function sleepUnless(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const wake = (): void => {
        signal?.removeEventListener('abort', cut)
        resolve()
      }
      const due = at(nowMs + ms, wake)
      const cut = (): void => {
        agenda.splice(agenda.indexOf(due), 1)
        resolve()
      }
      signal?.addEventListener('abort', cut, { once: true })
    })
  }

  async function until(holds: () => boolean, withinMs: number): Promise<void> {
    const endMs = nowMs + withinMs
    let stepsNow = 0
    for (;;) {
      await settled()
      if (holds()) return
      const due = agenda.shift()
      stepsNow = due?.atMs === nowMs ? stepsNow + 1 : 0
      if (stepsNow > stepsPerMsMax) throw new Error(`At ${nowMs} ms somebody runs round in a circle.`)
      if (due === undefined) throw new Error(`At ${nowMs} ms everybody waits for something that never comes.`)
      if (due.atMs > endMs) throw new Error(`It did not come to what was waited for within ${withinMs} ms.`)
      nowMs = due.atMs
      due.wake()
    }
  }

  async function during<Result>(task: () => Promise<Result>, withinMs: number): Promise<Result> {
    let isOver = false
    const done = task().finally(() => {
      isOver = true
    })
    // It is looked at below, after the world has moved.
    done.catch(() => undefined)
    await until(() => isOver, withinMs)
    return done
  }

  const clock: Clock = { now: () => epochMs + nowMs, sleep: sleepUnless, turn: () => sleep(0) }
  const start = (name: string): Program => createProgram(name, { random, nowMs: () => nowMs, sleep, sleepUnless })
  return { random, nowMs: () => nowMs, sleep, clock, start, until, during }
}

/** More steps than programs that wait for something can have within a millisecond. */
const stepsPerMsMax = 20_000

/** When worlds begin, in milliseconds since 1970. */
const epochMs = Date.UTC(2026, 0, 1)

function isLater(a: Due, b: Due): boolean {
  return a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order)
}

interface Surroundings {
  readonly random: Random
  readonly nowMs: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly sleepUnless: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

function createProgram(name: string, { random, nowMs, sleep, sleepUnless }: Surroundings): Program {
  const death = new AbortController()
  const offMs = random.below(7_200_000) - 3_600_000
  const speed = 0.9 + random.below(201) / 1_000
  let pausedUntilMs = 0

  async function gate(): Promise<void> {
    while (nowMs() < pausedUntilMs && !death.signal.aborted) await sleep(pausedUntilMs - nowMs())
    // Never resolved: whoever waits here is garbage from now on, with all that waits for it.
    if (death.signal.aborted) await new Promise(() => undefined)
  }

  const clock: Clock = {
    now: () => Math.floor(epochMs + offMs + nowMs() * speed),
    sleep: async (ms, signal) => {
      await sleepUnless(Math.ceil(ms / speed), signal)
      await gate()
    },
    turn: async () => {
      await sleep(0)
      await gate()
    },
  }
  return {
    name,
    clock,
    random: seeded(random.below(2 ** 31)),
    isKilled: () => death.signal.aborted,
    isPaused: () => nowMs() < pausedUntilMs,
    death: death.signal,
    gate,
    kill: () => death.abort(),
    pause: (ms) => {
      pausedUntilMs = Math.max(pausedUntilMs, nowMs() + ms)
    },
  }
}
