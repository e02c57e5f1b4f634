import { performance } from 'node:perf_hooks'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { createGroup } from '../../store/src/groups/admin.ts'
import { consume } from '../../store/src/groups/consume.ts'
import type { GroupStrategy } from '../../store/src/model/consumer-group.ts'
import { openStore } from '../../store/src/open-store.ts'
import { freshDatabase } from '../../test/postgres/database.ts'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { rates } from '../load/appenders.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** How a group is consumed. */
export interface GroupTrialSettings {
  /** One of the engines, or `postgres`. */
  readonly engine: string
  /** The superuser's, in any database of the server: each trial makes a database of its own. */
  readonly url: string
  readonly events: number
  readonly consumers: number
  readonly strategy: GroupStrategy
  /** What a consumer waits for before it takes the next event. */
  readonly until: 'noted' | 'saved'
}

/** Events after which the loop that is written by hand saves its place; a consumer's buffer is as large. */
const batchEvents = 32

/** Events that are consumed before the clock starts: what is measured otherwise is how code is compiled. */
const warmUpEvents = 2_000

/** Consumes everything in a store, with consumers that do nothing but acknowledge. */
const consumed: Trial<GroupTrialSettings> = (settings, folder) =>
  onFilled(settings, folder, async (store, group, events) => {
    const { consumers, strategy, until } = settings
    await createGroup(store, group, { strategy })
    const stop = new AbortController()
    let seen = 0

    async function consumer(): Promise<void> {
      for await (const delivery of consume(store, group, { signal: stop.signal })) {
        await delivery.ack({ until })
        if (++seen === events) stop.abort()
      }
    }

    await Promise.allSettled(Array.from({ length: consumers }, consumer))
  })

/** One reader that shares with nobody, and saves its place now and then. */
const loop: Trial<GroupTrialSettings> = (settings, folder) =>
  onFilled(settings, folder, async (store, name, events) => {
    let seen = 0
    for await (const { position } of store.readAll({ limit: events })) {
      if (++seen % batchEvents === 0) await store.shelf.put(name, { position })
    }
  })

async function onFilled(
  settings: GroupTrialSettings,
  folder: string,
  work: (store: EventStore, name: string, events: number) => Promise<void>,
): Promise<Measured> {
  await using place = await openPlace(settings, folder)
  const { store } = place
  const events = Math.max(settings.events, warmUpEvents)
  await fillStore(store, shortStreams(events))
  await work(store, 'warm-up', warmUpEvents)
  const costs = processCosts()
  const startedAt = performance.now()
  await work(store, 'bench', events)
  const { eventsPerSecond, cpuUsPerEvent } = rates(events, (performance.now() - startedAt) / 1000, costs())
  return { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
}

async function openPlace(
  { engine, url }: GroupTrialSettings,
  folder: string,
): Promise<AsyncDisposable & { readonly store: EventStore }> {
  if (engine !== 'postgres') {
    const store = openBenchStore(engine, folder)
    return { store, [Symbol.asyncDispose]: () => store.close() }
  }
  const database = await freshDatabase({ url })
  const store = openStore({ engine: postgres({ url: database.url }) })
  const close = async (): Promise<void> => {
    await store.close()
    await database.drop()
  }
  return { store, [Symbol.asyncDispose]: close }
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<GroupTrialSettings>>> = { consumed, loop }
