import type { Changed, ChangeOptions, StreamMetadataValues } from '../event-store.ts'
import type { CallOptions, StreamWrite } from '../model/call.ts'
import { InvalidArgument, isVarveError, VersionConflict } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { metadataStreamOf, type StreamInfo, tombstoneEventType } from '../model/stream.ts'
import { versionHolds } from '../model/version.ts'
import { checkWhole } from '../model/whole-number.ts'
import { appendAll } from './append.ts'
import { getStreamMetadata, metadataFact, type StreamPort, streamInfo } from './metadata.ts'

/** Hides the events before a version. See `EventStore.truncateBefore`. */
export async function truncateBefore(
  port: StreamPort,
  streamId: string,
  version: number,
  options: CallOptions = {},
): Promise<Changed> {
  checkWhole('version', version, 1)
  return hideBefore(port, streamId, options, (stream) => {
    // Hiding what is not written yet would make later appends vanish from sight.
    if (version > stream.version + 1) {
      throw new InvalidArgument(
        'version',
        `is ${version}, past the stream's end; the last one allowed is ${stream.version + 1}`,
      )
    }
    if (version < stream.truncateBefore) {
      throw new InvalidArgument(
        'version',
        `is ${version}, but the stream is hidden before ${stream.truncateBefore} already; set its metadata to show more again`,
      )
    }
    return version
  })
}

/** Hides everything the stream has. See `EventStore.deleteStream`. */
export async function deleteStream(port: StreamPort, streamId: string, options: ChangeOptions = {}): Promise<Changed> {
  return hideBefore(port, streamId, options, (stream) => stream.version + 1)
}

/** Closes the stream for ever. See `EventStore.tombstone`. */
export async function tombstone(port: StreamPort, streamId: string, options: ChangeOptions = {}): Promise<Changed> {
  const stream = await streamInfo(port.engine, streamId, options)
  if (stream.tombstoned) return unchanged(port, streamId, options)
  const fact = { type: tombstoneEventType, data: { version: stream.version } }
  const writes = [{ streamId: metadataStreamOf(streamId), events: [fact] }, ...guard(streamId, options)]
  const { position } = await appendAll(port, writes, callOptions(options))
  return { position, changed: true }
}

/**
 * Reads, decides and appends under the version of the metadata, so that two changes never undo each other. Events
 * that arrive between the read and the fact stay visible, as if they had been appended just after it.
 */
async function hideBefore(
  port: StreamPort,
  streamId: string,
  options: ChangeOptions,
  decide: (stream: StreamInfo) => number,
): Promise<Changed> {
  for (let attempt = 1; ; attempt++) {
    const stream = await streamInfo(port.engine, streamId, options)
    const version = decide(stream)
    if (version === stream.truncateBefore) {
      const { expectedVersion = 'any' } = options
      if (versionHolds(expectedVersion, stream)) return unchanged(port, streamId, options)
      throw new VersionConflict(streamId, expectedVersion, stream.version)
    }
    const metadata = await getStreamMetadata(port, streamId, options)
    const values: StreamMetadataValues = { ...metadata.values, truncateBefore: version }
    const fact = {
      streamId: metadataStreamOf(streamId),
      events: [metadataFact(values)],
      expectedVersion: metadata.version,
    }
    try {
      const { position } = await appendAll(port, [fact, ...guard(streamId, options)], callOptions(options))
      return { position, changed: true }
    } catch (error) {
      const movedOn = isVarveError(error, 'VERSION_CONFLICT') && error.streamId === fact.streamId
      if (!movedOn || attempt === limits.conflictAttempts) throw error
    }
  }
}

/** The caller's expectation, checked in the transaction that writes the fact. */
function guard(streamId: string, { expectedVersion = 'any' }: ChangeOptions): StreamWrite[] {
  return expectedVersion === 'any' ? [] : [{ streamId, events: [], expectedVersion }]
}

function callOptions({ signal }: ChangeOptions): CallOptions {
  return signal === undefined ? {} : { signal }
}

async function unchanged(port: StreamPort, streamId: string, { signal }: CallOptions): Promise<Changed> {
  const query = { source: { streamId }, direction: 'forward', from: 1, limit: 0, maxBytes: 0 } as const
  const { head } = await port.engine.read(query, signal)
  return { position: head, changed: false }
}
