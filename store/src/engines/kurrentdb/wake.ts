import type { Clock } from '../../engine/clock.ts'
import type { Connection } from './connection.ts'

/** How long to wait before a subscription that ended is begun again, in milliseconds. Stores poll meanwhile. */
const againMs = 1_000

/** Yields when an event of the store was appended, by anyone: a subscription to the log, from its end on. */
export async function* wake(
  connect: () => Promise<Connection>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<void> {
  while (!signal.aborted) {
    try {
      yield* rings(await connect(), signal)
    } catch {
      // The server is away, or the subscription was dropped. Only hints are lost, and polling finds what they were about.
    }
    await clock.sleep(againMs, signal)
  }
}

async function* rings({ client, names }: Connection, signal: AbortSignal): AsyncGenerator<void> {
  if (signal.aborted) return
  const filter = names.filterFor('everything')
  const subscription = client.subscribeToAll({ fromPosition: 'end', filter, requiresLeader: true })
  const end = (): void => void subscription.unsubscribe().catch(() => undefined)
  signal.addEventListener('abort', end, { once: true })
  try {
    for await (const _event of subscription) {
      if (signal.aborted) return
      yield
    }
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}
