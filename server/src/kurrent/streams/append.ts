import { type AppendOptions, type EventStore, isVarveError, type NewEvent } from 'varve'
import type { Access } from '../../auth/access.ts'
import { Refused } from '../refusal.ts'
import { appendMetadata } from './append-metadata.ts'
import { expectedVersionOf, noRevision, repeats, revisionOf } from './expectation.ts'
import { newEventOf } from './proposed-event.ts'
import { type LandedWrite, landed, type ProposedWrite, refusedBy } from './proposed-write.ts'
import { settleIds } from './settle-ids.ts'
import { lastMetadata, rulesOf } from './standing.ts'
import { isMetadataStream, refuseUnwritable } from './stream-access.ts'

/** How often an append that depends on what was read before is tried again, when others write in between. */
const attemptsMax = 8

/**
 * Appends to one stream, with the promises of KurrentDB where they differ from the store's: ids repeat in other streams, a
 * stream of which only metadata is there exists, an append without events is a question.
 *
 * @throws AccessRefused, Refused, and the store's own errors.
 */
export async function append(
  store: EventStore,
  access: Access,
  write: ProposedWrite,
  signal?: AbortSignal,
): Promise<LandedWrite> {
  const { stream, expected, events } = write
  refuseUnwritable(stream)
  const asked = access.to('write', stream)
  if (asked !== undefined) await asked
  const options = signal === undefined ? {} : { signal }
  if (events.length === 0) return check(store, write, options)
  if (stream.charCodeAt(0) === 36 && isMetadataStream(stream)) return appendMetadata(store, write, options)
  const given = events.map(newEventOf)
  try {
    const appended = await store.append(stream, given, { ...options, expectedVersion: expectedVersionOf(expected) })
    if (!appended.idempotent || repeats(expected, appended)) return landed(appended)
    return settled(store, write, options)
  } catch (error) {
    return afterRefusal(store, write, given, options, error)
  }
}

/** Nearly every refusal is final; the others are the store's where KurrentDB would not refuse. */
async function afterRefusal(
  store: EventStore,
  write: ProposedWrite,
  given: readonly NewEvent[],
  options: AppendOptions,
  error: unknown,
): Promise<LandedWrite> {
  if (isVarveError(error, 'DUPLICATE_EVENT_ID') || hasTwins(write, error)) {
    return settled(store, write, options)
  }
  if (isVarveError(error, 'VERSION_CONFLICT') && write.expected === 'stream_exists') {
    return appendToExisting(store, write, given, options)
  }
  throw refusedBy(error, write)
}

async function settled(store: EventStore, write: ProposedWrite, options: AppendOptions): Promise<LandedWrite> {
  const [place] = await settleIds(store, [{ ...write, newEvent: newEventOf }], options)
  return place as LandedWrite
}

function hasTwins({ events }: ProposedWrite, error: unknown): boolean {
  return isVarveError(error, 'INVALID_ARGUMENT') && new Set(events.map(({ id }) => id)).size < events.length
}

/**
 * For the store a stream exists as long as it shows an event. For KurrentDB also when it has metadata only, or when all its
 * events are hidden without its being deleted.
 */
async function appendToExisting(
  store: EventStore,
  { stream, expected }: ProposedWrite,
  given: readonly NewEvent[],
  options: AppendOptions,
): Promise<LandedWrite> {
  for (let attempt = 1; ; attempt++) {
    const { version, exists } = await store.streamInfo(stream, options)
    if (!exists) await refuseUnlessThere(store, stream, version)
    try {
      return landed(await store.append(stream, given, { ...options, expectedVersion: version }))
    } catch (error) {
      if (!isVarveError(error, 'VERSION_CONFLICT') || attempt === attemptsMax) {
        throw refusedBy(error, { stream, expected, events: [] })
      }
    }
  }
}

async function refuseUnlessThere(store: EventStore, stream: string, version: number): Promise<void> {
  if (version === 0) {
    if ((await lastMetadata(store, stream, undefined)) !== undefined) return
    throw new Refused({ kind: 'wrong_version', stream, expected: 'stream_exists', actual: noRevision })
  }
  const { truncateBefore } = await rulesOf(store, stream, undefined)
  if (typeof truncateBefore !== 'number') throw new Refused({ kind: 'stream_deleted', stream })
}

/** An append without events changes nothing, and is refused like any other. */
async function check(
  store: EventStore,
  { stream, expected }: ProposedWrite,
  options: AppendOptions,
): Promise<LandedWrite> {
  const { version, exists, tombstoned } = await store.streamInfo(stream, options)
  if (tombstoned) throw new Refused({ kind: 'stream_deleted', stream })
  if (expected === 'stream_exists' && !exists) await refuseUnlessThere(store, stream, version)
  const holds = expected === 'no_stream' ? !exists : typeof expected !== 'number' || expected === revisionOf(version)
  if (!holds) throw new Refused({ kind: 'wrong_version', stream, expected, actual: revisionOf(version) })
  return { revision: revisionOf(version), position: undefined }
}
