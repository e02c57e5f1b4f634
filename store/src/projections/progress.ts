import type { CallOptions } from '../model/call.ts'
import { InvalidArgument, StoreClosed } from '../model/errors.ts'
import { isPosition } from '../model/position.ts'

interface Waiter {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** How far a run has come, and who waits for it to come further. */
export interface Progress {
  position(): number
  reach(position: number): void
  /** Undefined for an end without failure. */
  end(failure: unknown): void
  waitFor(position: number, options?: CallOptions): Promise<void>
}

/** Begins at 0; `what` names the run where it ended before a position that is waited for. */
export function createProgress(what: string): Progress {
  const waiters = new Set<Waiter>()
  let reached = 0
  let ended: { readonly reason: unknown } | undefined

  function waitFor(position: number, { signal }: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!isPosition(position)) throw new InvalidArgument('position', 'is not a whole number from 0 on')
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
