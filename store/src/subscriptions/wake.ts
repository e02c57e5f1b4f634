import type { Clock } from '../engine/clock.ts'
import type { Engine } from '../engine/engine.ts'
import { isVarveError } from '../model/errors.ts'
import type { LogPositions } from '../model/log-shard.ts'
import { heads } from '../streams/head.ts'

/** The longest a subscription relies on wake-ups alone, in milliseconds. */
const pollMaxMs = 2_000
const pollMinMs = 25

/**
 * Tells when the store has something newer, for any number of waiting subscriptions at the price of one: a single loop
 * asks the engine for its head when it hints at news, and otherwise less and less often. The head is the truth, the
 * hint only saves time, so a lost hint delays and never loses. With nobody waiting nothing runs.
 */
export interface HeadWatch {
  /** Resolves once the head lies above `position`. Rejects when the engine cannot tell, or with `signal.reason`. */
  beyond(position: number, signal: AbortSignal, shard?: number): Promise<void>
}

interface Waiter {
  readonly position: number
  /** The log shard whose head is waited for. */
  readonly shard: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** A watch over one engine. */
export function createHeadWatch(engine: Engine, clock: Clock): HeadWatch {
  const waiters = new Set<Waiter>()
  let running = false

  function beyond(position: number, signal: AbortSignal, shard = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const leave = (): void => {
        waiters.delete(waiter)
        signal.removeEventListener('abort', abort)
      }
      const abort = (): void => waiter.reject(signal.reason)
      const waiter: Waiter = {
        position,
        shard,
        resolve: () => {
          leave()
          resolve()
        },
        reject: (reason) => {
          leave()
          reject(reason)
        },
      }
      signal.addEventListener('abort', abort)
      waiters.add(waiter)
      if (!running) void run()
    })
  }

  async function run(): Promise<void> {
    running = true
    const bell = createBell(engine, clock)
    let pollMs = pollMinMs
    let known: LogPositions = []
    while (waiters.size > 0) {
      const heads = await askHeads()
      const before = known
      const hasGrown = heads.some((head, shard) => head > (before[shard] ?? 0))
      pollMs = hasGrown ? pollMinMs : Math.min(pollMs * 2, pollMaxMs)
      known = hasGrown ? heads.map((head, shard) => Math.max(head, before[shard] ?? 0)) : before
      for (const waiter of waiters) if ((known[waiter.shard] ?? 0) > waiter.position) waiter.resolve()
      // Those just released read their page and come back within this turn: then the bell need not be hung up.
      if (waiters.size === 0) await clock.turn()
      if (waiters.size > 0) await bell.rings(pollMs)
    }
    running = false
    bell.stop()
  }

  /** While the engine is out of reach the waiters go on waiting; any other failure is theirs to know. */
  async function askHeads(): Promise<LogPositions> {
    try {
      return await heads(engine)
    } catch (error) {
      if (!isVarveError(error) || !error.retryable) for (const waiter of waiters) waiter.reject(error)
      return []
    }
  }

  return { beyond }
}

interface Bell {
  /** Resolves at the engine's next hint, at once if one came since the last call, or after `ms`. */
  rings(ms: number): Promise<void>
  stop(): void
}

function createBell(engine: Engine, clock: Clock): Bell {
  const stopped = new AbortController()
  let rung = false
  let release = new AbortController()
  void listen()

  async function listen(): Promise<void> {
    try {
      for await (const _ of engine.wake(stopped.signal)) {
        rung = true
        release.abort()
      }
    } catch {
      // A hint that cannot be had is no hint: polling goes on.
    }
  }

  return {
    rings: async (ms) => {
      if (!rung) {
        release = new AbortController()
        await clock.sleep(ms, release.signal)
      }
      rung = false
    },
    stop: () => {
      stopped.abort()
      release.abort()
    },
  }
}
