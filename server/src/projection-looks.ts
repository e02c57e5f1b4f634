import { type Clock, type EventStore, listProjections, type ProjectionStatus } from 'varve'

/** Looks at the projections of a store for probes and scrapes, which ask often and need not know to the second. */
export interface ProjectionLooks {
  /** How all projections were doing a moment ago. Rejects when the store does not tell in time. */
  statuses(): Promise<readonly ProjectionStatus[]>
}

/** How long a look is as good as a new one, in milliseconds. */
const goodForMs = 1_000

/** How long a look may take, in milliseconds. */
const lookTimeoutMs = 2_000

/** One look at a time, for all that ask meanwhile and in the second after it. */
export function createProjectionLooks(store: EventStore, clock: Clock): ProjectionLooks {
  let last: { readonly atMs: number; readonly statuses: Promise<readonly ProjectionStatus[]> } | undefined
  return {
    statuses: () => {
      const nowMs = clock.now()
      if (last === undefined || nowMs - last.atMs >= goodForMs) {
        const look = { atMs: nowMs, statuses: statusesInTime(store, clock) }
        // What went wrong is not kept: the next one looks anew.
        look.statuses.catch(() => {
          if (last === look) last = undefined
        })
        last = look
      }
      return last.statuses
    },
  }
}

/** An engine that hangs may not hear a signal, so the clock decides. */
async function statusesInTime(store: EventStore, clock: Clock): Promise<readonly ProjectionStatus[]> {
  const over = new AbortController()
  const late = clock.sleep(lookTimeoutMs, over.signal).then(() => undefined)
  const statuses = await Promise.race([listProjections(store, { clock }), late]).finally(() => over.abort())
  if (statuses === undefined) throw new Error(`The store did not tell of its projections within ${lookTimeoutMs} ms.`)
  return statuses
}
