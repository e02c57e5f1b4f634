import { openBenchStore } from '../engines.ts'
import type { Trial } from '../harness/trial.ts'
import { driveAppenders, type Load } from '../load/appenders.ts'
import { eventsPerStream, newEvent } from '../load/events.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** The load on a store that holds something already. */
export interface GrowthSettings extends Load {
  readonly engine: string
  /** The folder of a filled store; appends go on in it. */
  readonly source: string
  /** New streams, or the ones that {@link fillForGrowth} wrote, at random. */
  readonly streams: 'new' | 'old'
  readonly events: number
}

/** Fills a store with streams of 20. */
export async function fillForGrowth(engine: string, source: string, events: number): Promise<void> {
  await using store = openBenchStore(engine, source)
  await fillStore(store, shortStreams(events))
}

const append: Trial<GrowthSettings> = async (settings) => {
  const { engine, source, streams, events } = settings
  await using store = openBenchStore(engine, source)
  // An id is looked up before the first append is answered: what opening costs is not what appending costs.
  await store.append('Warm-1', [newEvent('Warm-1', 0, 0)])
  if (streams === 'new') {
    return await driveAppenders(
      (streamId, version, nth) =>
        store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version }),
      settings,
    )
  }
  const oldStreams = streamIdsOf(events)
  return await driveAppenders((_streamId, _version, nth) => {
    // A stride that has no factor in common with the number of streams visits all of them, far apart.
    const streamId = oldStreams[(nth * 7_919) % oldStreams.length] as string
    return store.append(streamId, [newEvent(streamId, eventsPerStream, nth)], { expectedVersion: 'stream_exists' })
  }, settings)
}

function streamIdsOf(events: number): readonly string[] {
  return [...shortStreams(events)].flatMap((slice) => slice.map(({ streamId }) => streamId))
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<GrowthSettings>>> = { append }
