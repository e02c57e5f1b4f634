import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import { StoreClosed } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { checkWhole } from '../model/whole-number.ts'

/** What runs until it is stopped, as `project` and `react` hand it out. */
export interface RunUntilStopped extends AsyncDisposable {
  readonly done: Promise<void>
  readonly position: number
  waitFor(position: number, options?: CallOptions): Promise<void>
  stop(): Promise<void>
}

/** What is run, and who may stop it. */
export interface WorkUntilStopped {
  /** Names it in the refusal of a wait for a position that it did not come to. */
  readonly what: string
  /** The caller's: when it aborts, that is an end that was asked for, as by `stop`. */
  readonly signal: AbortSignal | undefined
  /** Tells how far it has come, and rejects with the signal's reason once that aborts. */
  readonly work: (signal: AbortSignal, reach: (position: number) => void) => Promise<void>
  /** Whether a failure is an end that was asked for in another way. Default: none is. */
  readonly isAskedFor?: (failure: unknown) => Promise<boolean>
}

/** Begins to run. An end that was asked for is no failure; any other one is `done`'s, and that of all who wait. */
export function runUntilStopped({ what, signal: given, work, isAskedFor }: WorkUntilStopped): RunUntilStopped {
  const stopping = new AbortController()
  const signal = given === undefined ? stopping.signal : AbortSignal.any([given, stopping.signal])
  const progress = createProgress(what)

  async function run(): Promise<void> {
    try {
      await work(signal, progress.reach)
      progress.end(undefined)
    } catch (error) {
      const isEnd = (signal.aborted && error === signal.reason) || ((await isAskedFor?.(error)) ?? false)
      progress.end(isEnd ? undefined : error)
      if (!isEnd) throw error
    }
  }

  const done = run()
  const stop = (): Promise<void> => {
    stopping.abort()
    return done
  }
  return {
    done,
    get position() {
      return progress.position()
    },
    waitFor: progress.waitFor,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

interface Waiter {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** How far a run has come, and who waits for it to come further. */
interface Progress {
  position(): number
  reach(position: number): void
  /** Undefined for an end without failure. */
  end(failure: unknown): void
  waitFor(position: number, options?: CallOptions): Promise<void>
}

/** Begins at 0; `what` names the run where it ended before a position that is waited for. */
function createProgress(what: string): Progress {
  const waiters = new Set<Waiter>()
  let reached = 0
  let ended: { readonly reason: unknown } | undefined

  function waitFor(position: number, options: CallOptions = {}): Promise<void> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      refuseUnknownOptions(options, callFields, 'waitFor')
      checkWhole('position', position, 0)
      signal?.throwIfAborted()
      if (reached >= position) return resolve()
      if (ended !== undefined) throw ended.reason
      const leave = (): void => {
        waiters.delete(waiter)
        signal?.removeEventListener('abort', abort)
      }
      const abort = (): void => waiter.reject(signal?.reason)
      const waiter: Waiter = {
        position,
        resolve: () => {
          leave()
          resolve()
        },
        reject: (reason) => {
          leave()
          reject(reason)
        },
      }
      signal?.addEventListener('abort', abort)
      waiters.add(waiter)
    })
  }

  return {
    position: () => reached,
    reach: (position) => {
      reached = position
      for (const waiter of waiters) if (waiter.position <= reached) waiter.resolve()
    },
    end: (failure) => {
      ended = { reason: failure ?? new StoreClosed(what) }
      for (const waiter of waiters) waiter.reject(ended.reason)
    },
    waitFor,
  }
}
