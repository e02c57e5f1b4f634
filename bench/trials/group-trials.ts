import { performance } from 'node:perf_hooks'
import { createGroup } from '../../store/src/groups/admin.ts'
import { consume } from '../../store/src/groups/consume.ts'
import type { GroupStrategy } from '../../store/src/model/consumer-group.ts'
import { openBenchStore } from '../engines.ts'
import { processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { rates } from '../load/appenders.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** How a group is consumed. */
export interface GroupSettings {
  readonly engine: string
  readonly events: number
  readonly consumers: number
  readonly bufferEvents: number
  readonly strategy: GroupStrategy
  /** Whether a consumer waits for its ack to be saved before it takes the next event. */
  readonly waits: boolean
}

/** Consumes everything in a store, with consumers that do nothing but acknowledge. */
const consumed: Trial<GroupSettings> = async (settings, folder) => {
  const { engine, events, consumers, bufferEvents, strategy, waits } = settings
  await using store = openBenchStore(engine, folder)
  await fillStore(store, shortStreams(events))
  await createGroup(store, 'bench', { bufferEvents, strategy })
  const costs = processCosts()
  const startedAt = performance.now()
  const stop = new AbortController()
  let seen = 0

  async function consumer(): Promise<void> {
    for await (const delivery of consume(store, 'bench', { signal: stop.signal })) {
      const acked = delivery.ack()
      if (waits) await acked
      if (++seen === events) stop.abort()
    }
  }

  await Promise.allSettled(Array.from({ length: consumers }, consumer))
  const { eventsPerSecond, cpuUsPerEvent } = rates(seen, (performance.now() - startedAt) / 1000, costs())
  return { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<GroupSettings>>> = { consumed }
