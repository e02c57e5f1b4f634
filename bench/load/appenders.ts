import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Measured, processCosts } from '../harness/measured.ts'
import { quantile } from '../harness/statistics.ts'
import { eventsPerStream, streamName } from './events.ts'

/** What is put under load: resolves once the event, the nth of the run, is durable. */
export type AppendOne = (streamId: string, version: number, nth: number) => Promise<unknown>

/** How much load, and how long. */
export interface Load {
  readonly appenders: number
  readonly warmUpMs: number
  readonly windowMs: number
  /** Makes stream names differ between runs over one store. Default: `a`. */
  readonly run?: string
}

/**
 * Runs appenders side by side, each with its own streams and one append under way at a time, and measures a window of
 * it. The version given is the one the stream is at before the append.
 */
export async function driveAppenders(appendOne: AppendOne, load: Load): Promise<Measured> {
  const { appenders, warmUpMs, windowMs, run = 'a' } = load
  let latenciesMs: number[] = []
  let stopping = false
  let failure: unknown
  let nth = 0

  async function appender(number: number): Promise<void> {
    for (let stream = 0; !stopping; stream++) {
      const streamId = streamName(run, number, stream)
      for (let version = 0; version < eventsPerStream && !stopping; version++) {
        const startedAt = performance.now()
        await appendOne(streamId, version, nth++)
        latenciesMs.push(performance.now() - startedAt)
      }
    }
  }

  const all = Promise.all(Array.from({ length: appenders }, (_, number) => appender(number)))
  all.catch((error: unknown) => {
    failure = error
  })
  await sleep(warmUpMs)
  latenciesMs = []
  const costs = processCosts()
  const startedAt = performance.now()
  // A window in which nothing was answered would say nothing: on a slow disk it goes on until something is.
  do await sleep(windowMs)
  while (latenciesMs.length === 0 && failure === undefined)
  const seconds = (performance.now() - startedAt) / 1000
  const spent = costs()
  const measured = latenciesMs
  latenciesMs = []
  stopping = true
  if (failure !== undefined) throw failure
  await all
  return { ...rates(measured.length, seconds, spent), ...latencies(measured) }
}

/** Rate and cost per event of what happened in a time. */
export function rates(events: number, seconds: number, spent: ReturnType<ReturnType<typeof processCosts>>): Measured {
  return {
    eventsPerSecond: events / seconds,
    cpuUsPerEvent: spent.cpuUs / events,
    ...(spent.bytesWritten !== undefined && { bytesPerEvent: spent.bytesWritten / events }),
  }
}

/** The two quantiles that say what a caller feels. */
export function latencies(samplesMs: readonly number[]): Measured {
  const sorted = [...samplesMs].sort((left, right) => left - right)
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) }
}
