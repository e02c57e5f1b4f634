import type { Clock } from '../../engine/clock.ts'
import { unlessAborted } from '../../engine/unless-aborted.ts'
import { StoreClosed } from '../../model/errors.ts'
import { isPassing, translated } from './errors.ts'

/** No try begins later than this after the first, in milliseconds. */
const triesMs = 20_000

const pauseMinMs = 25
const pauseMaxMs = 2_000

/** How requests are repeated. */
export interface Patience {
  readonly clock: Clock
  readonly random: () => number
}

/** The calls of an engine, and their end. */
export interface Calls {
  /** Runs a verb for a caller, who may give up waiting for it. */
  call<Result>(signal: AbortSignal | undefined, verb: () => Promise<Result>): Promise<Result>
  /** Sends one request, again while DynamoDB throttles or is out of reach, with pauses of random length. */
  repeated<Result>(request: (tries: number) => Promise<Result>): Promise<Result>
  /** A pause of random length after so many tries, shorter when the engine closes. */
  pause(tries: number): Promise<void>
  /** Work that nobody waits for, except closing. */
  inBackground(work: () => Promise<void>): void
  readonly closing: AbortSignal
  close(): Promise<void>
}

/**
 * The calls of an engine. Every request may be repeated: reads change nothing, and a conditional write whose answer was lost
 * finds itself in its own way.
 */
export function createCalls({ clock, random }: Patience): Calls {
  const underWay = new Set<Promise<unknown>>()
  const closing = new AbortController()

  function tracked<Result>(working: Promise<Result>): Promise<Result> {
    underWay.add(working)
    const done = (): void => void underWay.delete(working)
    working.then(done, done)
    return working
  }

  // All of the pause is random: processes that were throttled together would otherwise come back together.
  function pause(tries: number): Promise<void> {
    const longestMs = Math.min(pauseMinMs * 2 ** tries, pauseMaxMs)
    return clock.sleep(Math.ceil(random() * longestMs), closing.signal)
  }

  async function repeated<Result>(request: (tries: number) => Promise<Result>): Promise<Result> {
    const givenUpAt = clock.now() + triesMs
    for (let tries = 0; ; tries++) {
      try {
        return await request(tries)
      } catch (error) {
        if (!isPassing(error) || closing.signal.aborted || clock.now() > givenUpAt) throw translated(error)
        await pause(tries)
      }
    }
  }

  return {
    call: async (signal, verb) => {
      if (closing.signal.aborted) throw new StoreClosed('The engine')
      signal?.throwIfAborted()
      // A call that is given up goes on, and its outcome is nobody's.
      return unlessAborted(tracked(verb()), signal)
    },
    repeated,
    pause,
    inBackground: (work) => {
      // What fails is tried again by whoever comes next.
      if (!closing.signal.aborted) tracked(work()).catch(() => undefined)
    },
    closing: closing.signal,
    close: async () => {
      closing.abort()
      await Promise.allSettled(underWay)
    },
  }
}
