import type { Capabilities } from '../engine/capabilities.ts'
import type { AppendOutcome, AppendRequest, Landed } from '../engine/engine.ts'
import type { AppendAllOptions, Appended, AppendedAll, AppendOptions, StreamWrite } from '../model/call.ts'
import { appendAllFields, appendFields } from '../model/call-fields.ts'
import { ConditionFailed, DuplicateEventId, NotSupported, StreamTombstoned, VersionConflict } from '../model/errors.ts'
import type { NewEvent } from '../model/event.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import type { GroupCommit } from './group-commit.ts'
import { type PreparedAppend, prepareAppend } from './prepare.ts'
import type { Stamps } from './stamps.ts'

/** What the append verbs work with. */
export interface AppendPort extends Stamps {
  readonly capabilities: Capabilities
  readonly groupCommit: Pick<GroupCommit, 'submit'>
}

/** Appends to one stream. See `EventStore.append`. */
export async function append(
  port: AppendPort,
  streamId: string,
  events: readonly NewEvent[],
  options: AppendOptions = {},
): Promise<Appended> {
  refuseUnknownOptions(options, appendFields, 'append')
  const { expectedVersion = 'any' } = options
  const prepared = prepareAppend([{ streamId, events, expectedVersion }], options, port)
  refuseUnsupported(port.capabilities, prepared)
  const landed = landedOf(await port.groupCommit.submit(prepared, options.signal))
  const [place] = landed.streams
  return {
    streamId,
    firstVersion: place?.firstVersion ?? 0,
    version: place?.lastVersion ?? 0,
    firstPosition: landed.firstPosition,
    position: landed.lastPosition,
    eventIds: prepared.request.events.map((event) => event.id),
    idempotent: landed.status === 'repeated',
  }
}

/** Appends to several streams at once. See `EventStore.appendAll`. */
export async function appendAll(
  port: AppendPort,
  writes: readonly StreamWrite[],
  options: AppendAllOptions = {},
): Promise<AppendedAll> {
  refuseUnknownOptions(options, appendAllFields, 'appendAll')
  const prepared = prepareAppend(writes, options, port)
  refuseUnsupported(port.capabilities, prepared)
  const landed = landedOf(await port.groupCommit.submit(prepared, options.signal))
  return {
    firstPosition: landed.firstPosition,
    position: landed.lastPosition,
    streams: landed.streams.map(({ streamId, firstVersion, lastVersion }) => ({
      streamId,
      firstVersion,
      version: lastVersion,
    })),
    eventIds: prepared.request.events.map((event) => event.id),
    idempotent: landed.status === 'repeated',
  }
}

/** Turns a refusal into its error. Not asynchronous: one more promise on the way of every append is felt. */
function landedOf(outcome: AppendOutcome): Landed {
  if ('firstPosition' in outcome) return outcome
  throw refusal(outcome)
}

/** Refuses what the engine cannot do, before anything is sent. */
export function refuseUnsupported(capabilities: Capabilities, { request }: PreparedAppend): void {
  if (request.condition !== undefined && !capabilities.appendConditions) {
    throw new NotSupported(
      capabilities.engine,
      'appendConditions',
      'Guard the append with an expected version instead.',
    )
  }
  if (!capabilities.multiStreamAppends && namesSeveral(request)) {
    throw new NotSupported(capabilities.engine, 'multiStreamAppends', 'Append to one stream at a time.')
  }
}

/** Whether a request is about another stream than its first event's, be it only to check it. */
function namesSeveral({ events, checks }: AppendRequest): boolean {
  const isOther = ({ streamId }: { readonly streamId: string }): boolean => streamId !== events[0]?.streamId
  return events.some(isOther) || checks.some(isOther)
}

/** A refusal as its error. */
export function refusal(outcome: Exclude<AppendOutcome, Landed>): Error {
  switch (outcome.status) {
    case 'conflict':
      return new VersionConflict(outcome.streamId, outcome.expected, outcome.actual)
    case 'condition_failed':
      return new ConditionFailed(outcome.after, outcome.position)
    case 'duplicate_event_id':
      return new DuplicateEventId(outcome.eventId, outcome.streamId)
    case 'tombstoned':
      return new StreamTombstoned(outcome.streamId)
  }
}
