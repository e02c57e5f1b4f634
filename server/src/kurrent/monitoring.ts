import type { Clock, EventStore } from 'varve'
import type { Call } from './grpc/call.ts'
import { framed } from './grpc/frames.ts'
import { type Methods, serverStream } from './grpc/method.ts'
import { CallFailed } from './grpc/status.ts'
import type { Messages } from './protobuf/messages.ts'

interface StatsRequest {
  readonly refreshTimePeriodInMs: number
}

interface Stats {
  readonly stats: Readonly<Record<string, string>>
}

/** What monitoring needs. */
export interface MonitoringParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/** No client looks more often than this, whatever it asks for, in milliseconds. */
const shortestPeriodMs = 100
const longestPeriodMs = 3_600_000

/** Counts of the process and the store, again and again until the client leaves. */
export function monitoring(messages: Messages, { store, clock, closing }: MonitoringParts): Methods {
  const decode = messages.decoder<StatsRequest>('event_store.client.monitoring.StatsReq')
  const encode = messages.encoder<Stats>('event_store.client.monitoring.StatsResp')
  const stats = async ({ refreshTimePeriodInMs }: StatsRequest, call: Call): Promise<void> => {
    const periodMs = Math.min(Math.max(refreshTimePeriodInMs, shortestPeriodMs), longestPeriodMs)
    const signal = AbortSignal.any([call.signal, closing])
    while (!closing.aborted) {
      // Whoever is nobody any more is told nothing more.
      await call.access.as('user')
      await call.send(framed(encode({ stats: await counts(store, signal) })))
      await clock.sleep(periodMs, signal)
      call.signal.throwIfAborted()
    }
    throw new CallFailed('unavailable', 'The server shuts down.')
  }
  return { '/event_store.client.monitoring.Monitoring/Stats': serverStream(decode, stats) }
}

/** Under KurrentDB's names, where it has one for what there is here. */
async function counts(store: EventStore, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const { heapUsed, rss } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    'proc-id': String(process.pid),
    'proc-mem': String(rss),
    'proc-heap': String(heapUsed),
    'proc-cpuSeconds': ((user + system) / 1_000_000).toFixed(3),
    'proc-upSeconds': process.uptime().toFixed(3),
    'es-writer-lastFlushedPosition': String(await store.head({ signal })),
  }
}
