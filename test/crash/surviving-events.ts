import type { EventStore } from '../../store/src/event-store.ts'
import { logShardOf, placeOfPosition } from '../../store/src/model/log-shard.ts'
import type { CrashPayload } from './appends.ts'
import type { Acknowledged, Sent } from './journal.ts'

/** Where an event must be for as long as the store exists. */
export interface Place {
  readonly streamId: string
  readonly version: number
  /** Of an append over several log shards an acknowledgement names the position in one of them: then there is none elsewhere. */
  readonly position: number | undefined
}

/** Places by event id. */
export type Places = ReadonlyMap<string, Place>

/** The places that an acknowledgement promises. */
export function promisedPlaces(
  { writes }: Sent,
  { firstPosition, streams }: Omit<Acknowledged, 'kind' | 'request'>,
  logShards: number,
): Places {
  const places = new Map<string, Place>()
  const { shard } = placeOfPosition(firstPosition, logShards)
  let next = firstPosition
  for (const [write, { streamId, ids }] of writes.entries()) {
    const firstVersion = streams[write]?.firstVersion ?? Number.NaN
    for (const [nth, id] of ids.entries()) {
      const position = logShardOf(streamId, logShards) === shard ? next : undefined
      if (position !== undefined) next += logShards
      places.set(id, { streamId, version: firstVersion + nth, position })
    }
  }
  return places
}

/**
 * Reads the whole store and refuses a hole in the positions, a hole in the versions, an id that comes twice, a payload
 * or an append that is not whole. Returns where every event lies.
 */
export async function survivingEvents(store: EventStore): Promise<Places> {
  const places = new Map<string, Place>()
  const versions = new Map<string, number>()
  const missing = new Map<number, number>()
  const { logShards } = store.capabilities
  const lastPlaces = Array.from({ length: logShards }, () => 0)
  for await (const event of store.readAll()) {
    const { id, streamId, version, position } = event
    const { shard, place } = placeOfPosition(position, logShards)
    const before = lastPlaces[shard] as number
    expectThat(place === before + 1, `place ${place} of log shard ${shard} follows ${before}`)
    lastPlaces[shard] = place
    const expected = (versions.get(streamId) ?? 0) + 1
    expectThat(version === expected, `version ${version} of ${streamId} follows ${expected - 1}`)
    versions.set(streamId, version)
    expectThat(!places.has(id), `id ${id} is at ${places.get(id)?.position} and at ${position}`)
    places.set(id, { streamId, version, position })
    const { request, of, filler } = event.data as CrashPayload
    expectThat(filler === 'x'.repeat(filler.length), `the payload at ${position} is torn`)
    missing.set(request, (missing.get(request) ?? of) - 1)
  }
  for (const [request, events] of missing) expectThat(events === 0, `${events} events of append ${request} are missing`)
  const heads = (await store.heads()).map((head) => placeOfPosition(head, logShards).place)
  expectThat(heads.join() === lastPlaces.join(), `the heads are ${heads}, the last events read are ${lastPlaces}`)
  return places
}

/** Refuses a promised event that is missing or elsewhere. */
export function expectKept(promised: Places, found: Places): void {
  for (const [id, { streamId, version, position }] of promised) {
    const place = found.get(id)
    expectThat(place !== undefined, `event ${id}, acknowledged at ${position}, is lost`)
    const isAt = position === undefined || place?.position === position
    const same = place?.streamId === streamId && place.version === version && isAt
    expectThat(
      same,
      `event ${id}, acknowledged at ${position} as ${streamId} ${version}, is now at ${JSON.stringify(place)}`,
    )
  }
}

/** Reads a stream by its own index and refuses a difference to what the whole log says. */
export async function expectStreamComplete(store: EventStore, streamId: string, found: Places): Promise<void> {
  const inLog = [...found].filter(([, place]) => place.streamId === streamId).map(([id]) => id)
  const inStream = (await store.readStream(streamId).toArray()).map(({ id }) => id)
  expectThat(inLog.join() === inStream.join(), `${streamId} shows ${inStream.length} of its ${inLog.length} events`)
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
