import { EngineFailed } from '../../model/errors.ts'
import type { Connection } from './connection.ts'
import type { KurrentCheck, KurrentRecord } from './driver.ts'
import { isOvertaken, revisionsIn } from './errors.ts'
import { takenId } from './event-ids.ts'
import type { EventPlace, Plan } from './judge.ts'
import { logFrom } from './log.ts'
import { ownRecord, positionOf, recordOf } from './record.ts'

/** What became of a plan: written, or refused because something is not as it was taken to be. */
export type Committed =
  | {
      readonly written: true
      /** By how much the versions of streams are higher than planned: KurrentDB had hidden all of their events. */
      readonly moved: ReadonlyMap<string, number>
    }
  | { readonly written: false; readonly revisions: ReadonlyMap<string, number> }

/** What ids are made with for the records that are ours. */
export type NewId = () => string

/** Writes a plan in one append of the server, if everything it rests on still holds. */
export async function commit(connection: Connection, plan: Plan, newId: NewId): Promise<Committed> {
  try {
    const records = [...ownRecords(connection, plan, newId), ...eventRecords(connection, plan)]
    const { responses } = await connection.client.appendRecords(records, checksOf(connection, plan))
    return { written: true, moved: movedIn(connection, plan, responses) }
  } catch (error) {
    if (!isOvertaken(error)) throw error
    const revisions = revisionsIn(error).map(({ streamName, revision }) => [streamName, revision] as const)
    return { written: false, revisions: new Map(revisions) }
  }
}

/** What is written beside the events: that their ids are taken, and which streams begin. */
function ownRecords(connection: Connection, plan: Plan, newId: NewId): readonly KurrentRecord[] {
  const { names } = connection
  return plan.events.flatMap(({ event, version }) => {
    // A fresh id each time: an append that is sent again must not be taken for the one it repeats, but refused.
    const place = { stream: names.streamName(event.streamId), revision: version - 1 }
    const taken = takenId(connection, event.id, place, newId())
    if (version > 1) return [taken]
    return [taken, ownRecord(names.streamsName, newId(), 'stream', { stream: event.streamId })]
  })
}

function eventRecords({ names }: Connection, plan: Plan): readonly KurrentRecord[] {
  return plan.events.map(({ event, stands }) => recordOf(event, names, stands))
}

function checksOf({ names }: Connection, plan: Plan): KurrentCheck[] {
  const versions = [...plan.checks].map(([streamId, version]) => checkOf(names.streamName(streamId), version))
  const ids = plan.events.map(({ event }) => checkOf(names.eventIdName(event.id), 0))
  return [...versions, ...ids]
}

function checkOf(streamName: string, version: number): KurrentCheck {
  return { type: 'stream_state', streamName, expectedState: version === 0 ? 'no_stream' : BigInt(version - 1) }
}

function movedIn(
  { names }: Connection,
  { events }: Plan,
  responses: readonly { readonly streamName: string; readonly revision: bigint }[],
): ReadonlyMap<string, number> {
  const planned = new Map(events.map(({ event, version }) => [event.streamId, version] as const))
  const landed = new Map(responses.map(({ streamName, revision }) => [streamName, Number(revision) + 1] as const))
  const moved = [...planned].map(([streamId, version]) => {
    return [streamId, (landed.get(names.streamName(streamId)) ?? version) - version] as const
  })
  return new Map(moved.filter(([, by]) => by !== 0))
}

/** Events that are read at once, at the most, to find what was just written among what others have written since. */
const windowEvents = 512

/**
 * The positions of events that were just written, which the server does not tell: from the end of the log backwards, until all
 * are found.
 */
export async function positionsOf(
  connection: Connection,
  places: readonly EventPlace[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(places.map(({ id }) => id))
  const found = new Map<string, number>()
  const filter = connection.names.filterFor('everything')
  const chunk = Math.min(wanted.size, windowEvents)
  for await (const event of logFrom(connection, { direction: 'backward', places: ['end'], filter, chunk })) {
    if (wanted.has(event.id)) found.set(event.id, positionOf(event))
    if (found.size === wanted.size) return found
  }
  throw new EngineFailed(
    'kurrentdb',
    'the log does not show what was appended to it. Append it again with the same ids: what is there is found',
  )
}
