import { type CallOptions, type EventStore, isVarveError, type StreamWrite } from 'varve'
import type { Access } from '../../auth/access.ts'
import { Refused } from '../refusal.ts'
import { type Expectation, expectedVersionOf, noRevision, revisionOf } from './expectation.ts'
import { deletingMetadataText, metadataType } from './metadata-text.ts'
import { jsonContentType } from './proposed-event.ts'
import { refusedBy } from './proposed-write.ts'
import { lastMetadata, rulesOf } from './standing.ts'
import { isMetadataStream, metadataStreamOf, refuseUnwritable } from './stream-access.ts'
import type { StreamOptions } from './stream-options.ts'

/** How often to begin anew, when the stream's metadata changes in between. */
const attemptsMax = 8

/**
 * Deletes a stream: hides everything it has, as the store does, by metadata that says so in KurrentDB's words.
 *
 * @returns the position of the fact, or the head when the stream was deleted already.
 * @throws AccessRefused; Refused when the expectation does not hold, and when the stream never existed, whatever was expected of it.
 */
export async function deleteStream(
  store: EventStore,
  access: Access,
  { stream, expected }: StreamOptions,
  options: CallOptions,
): Promise<number> {
  refuseUndeletable(stream)
  await access.to('delete', stream)
  for (let attempt = 1; ; attempt++) {
    const { version, exists, tombstoned } = await store.streamInfo(stream, options)
    if (tombstoned) throw new Refused({ kind: 'stream_deleted', stream })
    const metadata = await lastMetadata(store, stream, options.signal)
    if (version === 0 && metadata === undefined) throw wrongVersion(stream, expected, noRevision)
    if (version > 0 && !exists && (await isDeleted(store, stream, options))) {
      if (typeof expected === 'number' && expected !== revisionOf(version))
        throw wrongVersion(stream, expected, revisionOf(version))
      if (expected === 'stream_exists') throw new Refused({ kind: 'stream_deleted', stream })
      return store.head(options)
    }
    const text = deletingMetadataText(metadata?.rawData, version + 1)
    const fact: StreamWrite = {
      streamId: metadataStreamOf(stream),
      events: [{ type: metadataType, data: Buffer.from(text), contentType: jsonContentType }],
      expectedVersion: metadata?.version ?? 0,
    }
    try {
      return (await store.appendAll([fact, ...guard(stream, expected, version)], options)).position
    } catch (error) {
      const isOvertaken = isVarveError(error, 'VERSION_CONFLICT') && error.streamId === fact.streamId
      if (!isOvertaken || attempt === attemptsMax) throw refusedBy(error, { stream, expected, events: [] })
    }
  }
}

/**
 * Closes a stream for ever.
 *
 * @returns the position of the fact.
 * @throws AccessRefused; Refused when the expectation does not hold, and when the stream is closed already.
 */
export async function tombstone(
  store: EventStore,
  access: Access,
  { stream, expected }: StreamOptions,
  options: CallOptions,
): Promise<number> {
  refuseUndeletable(stream)
  await access.to('delete', stream)
  try {
    const { position, changed } = await store.tombstone(stream, {
      ...options,
      expectedVersion: expectedVersionOf(expected),
    })
    if (!changed) throw new Refused({ kind: 'stream_deleted', stream })
    return position
  } catch (error) {
    throw refusedBy(error, { stream, expected, events: [] })
  }
}

function refuseUndeletable(stream: string): void {
  refuseUnwritable(stream)
  if (!isMetadataStream(stream)) return
  const problem = `${stream} holds what is said about another stream, and goes with that one only.`
  throw new Refused({ kind: 'access_denied', problem })
}

async function isDeleted(store: EventStore, stream: string, { signal }: CallOptions): Promise<boolean> {
  const { truncateBefore } = await rulesOf(store, stream, signal)
  return typeof truncateBefore !== 'number'
}

/** The caller's expectation, judged in the transaction that writes the fact. A stream with metadata only exists. */
function guard(stream: string, expected: Expectation, version: number): readonly StreamWrite[] {
  if (expected === 'any' || (expected === 'stream_exists' && version === 0)) return []
  return [{ streamId: stream, events: [], expectedVersion: expectedVersionOf(expected) }]
}

function wrongVersion(stream: string, expected: Expectation, actual: number): Refused {
  return new Refused({ kind: 'wrong_version', stream, expected, actual })
}
