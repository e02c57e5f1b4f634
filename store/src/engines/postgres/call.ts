import type { Clock } from '../../engine/clock.ts'
import { unlessAborted } from '../../engine/unless-aborted.ts'
import { StoreClosed } from '../../model/errors.ts'
import type { Connection } from './connection.ts'
import type { PostgresClient } from './driver.ts'
import { hasWaited, isIdRace, isPassing, translated } from './errors.ts'

/** Pauses before each further try, in milliseconds: about six seconds, which covers the restart of a server. */
const pausesMs = [20, 50, 100, 200, 400, 800, 1_500, 3_000] as const

/** No try begins later than this after the first: one that waits for a server that never answers takes ten seconds. */
const triesMs = 15_000

/** Runs a verb on the database, again while it is out of reach. */
export type Call = <Result>(
  signal: AbortSignal | undefined,
  verb: (client: PostgresClient) => Promise<Result>,
) => Promise<Result>

/** The calls of an engine, and their end. */
export interface Calls {
  readonly call: Call
  /** Runs a verb once on a connection that is the caller's, whose transaction an error ends. */
  callOn<Result>(client: PostgresClient, signal: AbortSignal | undefined, verb: () => Promise<Result>): Promise<Result>
  /** Counts something that uses the other calls' connection as one of them. */
  tracked<Result>(signal: AbortSignal | undefined, run: () => Promise<Result>): Promise<Result>
  /** Runs a verb, again while the database is out of reach, for something that is tracked. */
  retried<Result>(verb: (client: PostgresClient) => Promise<Result>): Promise<Result>
  /** Runs a verb once, for something that is tracked. */
  once<Result>(verb: (client: PostgresClient) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/**
 * The calls of an engine. Each may be repeated: reads change nothing, and an append whose answer was lost finds its own
 * ids. In the end an error is given in Varve's words.
 */
export function createCalls(clock: Clock, connection: Connection): Calls {
  const underWay = new Set<Promise<unknown>>()
  const closing = new AbortController()

  async function retried<Result>(verb: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    const givenUpAt = clock.now() + triesMs
    for (let tries = 0; ; tries++) {
      try {
        return await verb(await connection.ready())
      } catch (error) {
        const pauseMs = pausesMs[tries]
        const mayRepeat = (isPassing(error) && !hasWaited(error)) || isIdRace(error)
        const isOver = pauseMs === undefined || clock.now() > givenUpAt || closing.signal.aborted
        if (isOver || !mayRepeat) throw translated(error)
        await clock.sleep(pauseMs, closing.signal)
      }
    }
  }

  async function once<Result>(verb: (client: PostgresClient) => Promise<Result>): Promise<Result> {
    try {
      return await verb(await connection.ready())
    } catch (error) {
      throw translated(error)
    }
  }

  async function onceOn<Result>(client: PostgresClient, verb: () => Promise<Result>): Promise<Result> {
    try {
      await connection.readyOn(client)
      return await verb()
    } catch (error) {
      throw translated(error)
    }
  }

  async function tracked<Result>(signal: AbortSignal | undefined, run: () => Promise<Result>): Promise<Result> {
    if (closing.signal.aborted) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    const working = run()
    underWay.add(working)
    const done = (): void => void underWay.delete(working)
    working.then(done, done)
    // A call that is given up goes on in the database, where its own timeout ends it.
    return unlessAborted(working, signal)
  }

  return {
    call: (signal, verb) => tracked(signal, () => retried(verb)),
    callOn: (client, signal, verb) => tracked(signal, () => onceOn(client, verb)),
    tracked,
    retried,
    once,
    close: async () => {
      closing.abort()
      await Promise.allSettled(underWay)
    },
  }
}
