import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { EventStore } from '../../store/src/event-store.ts'
import { openBenchStore } from '../engines.ts'
import { processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { latencies, rates } from '../load/appenders.ts'
import { jsonEvent, newEvent } from '../load/events.ts'
import { fillStore, shortStreams } from '../load/fill.ts'
import { openRawLog } from '../raw/log.ts'

/** How much of everything; each trial uses what concerns it. */
export interface SubscribeSettings {
  readonly engine: string
  /** Appends whose way to the subscriber is timed. */
  readonly samples: number
  /** Events in the store, or appended while the reader is slow. */
  readonly events: number
  /** How long an idle process is watched. */
  readonly idleMs: number
  /** How many subscriptions sit idle. */
  readonly subscriptions: number
}

/** Pause between timed appends: by then every wake-up and every poll of the one before is over. */
const quietMs = 10

const live: Trial<SubscribeSettings> = async ({ engine, samples }, folder) => {
  await using store = openBenchStore(engine, folder)
  const seenAt = followTimes(store)
  const samplesMs: number[] = []
  for (let nth = 0; nth < samples; nth++) {
    await sleep(quietMs)
    const startedAt = performance.now()
    const { position } = await store.append('Live-1', [newEvent('Live-1', nth, nth)], { expectedVersion: nth })
    samplesMs.push((await seenAt(position)) - startedAt)
  }
  return latencies(samplesMs)
}

/** What the disk takes for one record after the same pause, with nobody to tell. */
const rawAfterPause: Trial<SubscribeSettings> = async ({ samples }, folder) => {
  const log = openRawLog(join(folder, 'raw.log'))
  const samplesMs: number[] = []
  for (let nth = 0; nth < samples; nth++) {
    await sleep(quietMs)
    const startedAt = performance.now()
    await log.append(jsonEvent('Live-1', nth, nth))
    samplesMs.push(performance.now() - startedAt)
  }
  log.close()
  return latencies(samplesMs)
}

const liveFromOtherProcess: Trial<SubscribeSettings> = async ({ engine, samples }, folder) => {
  await using store = openBenchStore(engine, folder)
  const peer = fork(fileURLToPath(new URL('./appending-peer.ts', import.meta.url)), [engine, folder])
  await once(peer, 'message')
  const seenAt = followTimes(store)
  const samplesMs: number[] = []
  for (let nth = 0; nth < samples; nth++) {
    await sleep(quietMs)
    peer.send(nth)
    const [{ position, startedAtMs }] = (await once(peer, 'message')) as [{ position: number; startedAtMs: number }]
    samplesMs.push(performance.timeOrigin + (await seenAt(position)) - startedAtMs)
  }
  peer.disconnect()
  await once(peer, 'exit')
  return latencies(samplesMs)
}

const catchUp: Trial<SubscribeSettings> = async ({ engine, events }, folder) => {
  await using store = openBenchStore(engine, folder)
  await fillStore(store, shortStreams(events))
  const costs = processCosts()
  const startedAt = performance.now()
  let seen = 0
  for await (const { kind } of store.subscribe({ marks: true })) {
    if (kind === 'event') seen++
    if (kind === 'caught_up') break
  }
  const { eventsPerSecond, cpuUsPerEvent } = rates(seen, (performance.now() - startedAt) / 1000, costs())
  return { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
}

/** A reader that takes an event every few milliseconds while a whole store's worth is appended behind its back. */
const slowReader: Trial<SubscribeSettings> = async ({ engine, events, subscriptions }, folder) => {
  await using store = openBenchStore(engine, folder)
  const stop = new AbortController()
  let taken = 0
  const readers = Array.from({ length: subscriptions }, async () => {
    for await (const _ of store.subscribe({ signal: stop.signal })) {
      taken++
      await sleep(5)
    }
  })
  const heapBefore = heapBytes()
  await fillStore(store, shortStreams(events))
  const heapMib = (heapBytes() - heapBefore) / 2 ** 20
  stop.abort()
  await Promise.allSettled(readers)
  return { heapMib, eventsBehind: events - taken / Math.max(1, subscriptions) }
}

const idle: Trial<SubscribeSettings> = async ({ engine, events, idleMs, subscriptions }, folder) => {
  await using store = openBenchStore(engine, folder)
  await fillStore(store, shortStreams(events))
  const stop = new AbortController()
  const following = Array.from({ length: subscriptions }, async (_, number) => {
    const filter = number % 2 === 0 ? ('everything' as const) : { categories: ['Order'] }
    for await (const _event of store.subscribe({ from: 'end', filter, signal: stop.signal }));
  })
  // Polls back off while nothing happens: what is measured is a store that has been idle for a while.
  await sleep(5_000)
  const costs = processCosts()
  await sleep(idleMs)
  const { cpuUs } = costs()
  stop.abort()
  await Promise.allSettled(following)
  return { percentOfCore: (cpuUs / 1000 / idleMs) * 100 }
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<SubscribeSettings>>> = {
  live,
  liveFromOtherProcess,
  rawAfterPause,
  catchUp,
  slowReader,
  idle,
}

/** Follows a store from now on; the result tells when the event at a position arrived. */
function followTimes(store: EventStore): (position: number) => Promise<number> {
  const seen = new Map<number, number>()
  let arrived: (() => void) | undefined
  void (async () => {
    for await (const { position } of store.subscribe()) {
      seen.set(position, performance.now())
      arrived?.()
    }
  })()
  return async (position) => {
    for (;;) {
      const at = seen.get(position)
      if (at !== undefined) return at
      await new Promise<void>((resolve) => {
        arrived = resolve
      })
    }
  }
}

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
