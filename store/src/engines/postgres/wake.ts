import type { Clock } from '../../engine/clock.ts'
import { createWakeUps } from '../../engine/wake-ups.ts'
import type { PostgresPool, PostgresPoolClient } from './driver.ts'

/** Pauses before the listening connection is made anew, in milliseconds. */
const reconnectMsMin = 50
const reconnectMsMax = 5_000

/**
 * Rings at most once per commit, after it, and never inside it: NOTIFY takes a lock over all commits of the server, and in
 * the append's own transaction it costs most of the throughput. Commits that end while a NOTIFY is under way share the next.
 */
const notify = "select set_config('synchronous_commit', 'off', true), pg_notify($1, '')"

/**
 * Held for as long as the connection lives; the append function looks at it, so that a commit that nobody listens to costs
 * no second call. It is had only after every append that found nobody has committed: the read that follows finds those.
 */
const showListening = 'select pg_advisory_lock_shared(hashtextextended($1, 0))'

/** Wakes whoever listens, once per notification or once for several. */
export interface Wake {
  /** Something was committed here; others are told of it if they listen. */
  notify(listened: boolean): void
  listen(signal: AbortSignal): AsyncIterable<void>
  close(): Promise<void>
}

/** What {@link createWake} takes. */
export interface WakeParts {
  readonly openPool: () => Promise<PostgresPool>
  readonly channel: string
  readonly clock: Clock
  /** False: no LISTEN, for poolers that cannot carry it; polling alone then finds what others commit. */
  readonly listens: boolean
}

/**
 * Wake-ups for listeners in this process. Commits of this engine ring at once; those of others arrive as NOTIFY on one
 * connection, however many listen. After a reconnect it LISTENs first and rings then, so nothing falls in between.
 */
export function createWake({ openPool, channel, clock, listens }: WakeParts): Wake {
  const wakeUps = createWakeUps()
  const closing = new AbortController()
  let listening: Promise<void> | undefined
  let notifying: Promise<void> | undefined
  let again = false

  function listen(signal: AbortSignal): AsyncGenerator<void> {
    if (listens) listening ??= keepListening({ openPool, channel, clock, ring: wakeUps.ring, signal: closing.signal })
    return wakeUps.listen(signal)
  }

  async function tellOthers(): Promise<void> {
    do {
      again = false
      try {
        await (await openPool()).query({ text: notify, values: [channel] })
      } catch {
        // A hint that is lost: polling finds what is new.
      }
    } while (again && !closing.signal.aborted)
    notifying = undefined
  }

  return {
    notify: (listened) => {
      wakeUps.ring()
      if (!listened) return
      again = true
      notifying ??= tellOthers()
    },
    listen,
    close: async () => {
      closing.abort()
      wakeUps.close()
      await listening
      await notifying
    },
  }
}

/** Holds one connection that hears of other processes' commits, and makes it anew when it is lost. */
async function keepListening({ openPool, channel, clock, ring, signal }: Listening): Promise<void> {
  for (let pauseMs = reconnectMsMin; !signal.aborted; pauseMs = Math.min(pauseMs * 2, reconnectMsMax)) {
    try {
      const client = await (await openPool()).connect()
      try {
        const lost = lossOf(client, signal)
        client.on('notification', ring)
        await client.query({ text: `listen "${channel}"` })
        await client.query({ text: showListening, values: [channel] })
        pauseMs = reconnectMsMin
        ring()
        await lost
      } finally {
        // Also when it broke before it listened: the pool counts it until then, and would end up with none to give.
        client.release(true)
      }
    } catch {
      // A connection that cannot be had now is tried again; meanwhile polling finds what is new.
    }
    await clock.sleep(pauseMs, signal)
  }
}

interface Listening {
  readonly openPool: () => Promise<PostgresPool>
  readonly channel: string
  readonly clock: Clock
  readonly ring: () => void
  readonly signal: AbortSignal
}

/** Resolves when the connection is gone or no longer wanted. */
function lossOf(client: PostgresPoolClient, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      // The signal outlives many connections: each leaves it as it was.
      signal.removeEventListener('abort', done)
      resolve()
    }
    client.on('error', done)
    client.on('end', done)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
