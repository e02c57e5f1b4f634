import { unlessAborted } from '../engine/unless-aborted.ts'

/**
 * Hands things over in the order they came, although each may take its time to get ready.
 */
export interface HandOver {
  /** Whether what is ready now would have to wait. */
  readonly isBusy: boolean
  /** Sends what is ready, after everything that came before was sent or given up. Sends at once where nothing waits. */
  send<Ready, Sent>(
    ready: Ready | Promise<Ready>,
    send: (ready: Ready) => Promise<Sent>,
    signal: AbortSignal | undefined,
  ): Promise<Sent>
}

/** A line of things on their way. */
export function createHandOver(): HandOver {
  let last: Promise<unknown> | undefined

  return {
    get isBusy() {
      return last !== undefined
    },
    send: (ready, send, signal) => {
      if (last === undefined && !(ready instanceof Promise)) return send(ready)
      const before = last
      // The promise of a promise: the next one waits until this one is sent, not until it has arrived.
      const sending = (async () => {
        const settled = await unlessAborted(Promise.resolve(ready), signal)
        if (before !== undefined) await unlessAborted(before, signal)
        return { sent: send(settled) }
      })()
      const over: Promise<unknown> = Promise.allSettled([before, sending]).then(() => {
        if (last === over) last = undefined
      })
      last = over
      return sending.then(({ sent }) => sent)
    },
  }
}
