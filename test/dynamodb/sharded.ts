import { expect } from 'vitest'
import type { EventStore } from '../../store/src/event-store.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { logShardOf, placeOfPosition } from '../../store/src/model/log-shard.ts'

/** A stream for each shard of a log. */
export function streamInEach(logShards: number): readonly string[] {
  return Array.from({ length: logShards }, (_, shard) => {
    let number = 0
    while (logShardOf(`Order-${number}`, logShards) !== shard) number++
    return `Order-${number}`
  })
}

/** The whole log, with each id in it once, no hole in a shard or a stream, and every event to be found by its id. */
export async function soundLog(store: EventStore): Promise<readonly RecordedEvent[]> {
  const { logShards } = store.capabilities
  const log = await store.readAll().toArray()
  expect(new Set(log.map(({ id }) => id)).size).toBe(log.length)
  const places = log.map(({ position }) => placeOfPosition(position, logShards))
  for (const inShard of Map.groupBy(places, ({ shard }) => shard).values()) {
    expect(inShard.map(({ place }) => place)).toEqual(inShard.map((_, index) => index + 1))
  }
  for (const events of Map.groupBy(log, ({ streamId }) => streamId).values()) {
    expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1))
  }
  const found = await Promise.all(log.map(({ id }) => store.readEvent(id)))
  expect(found.map((event) => event?.position)).toEqual(log.map(({ position }) => position))
  return log
}
