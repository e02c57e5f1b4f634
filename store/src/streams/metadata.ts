import type { Engine } from '../engine/engine.ts'
import type { PageSource } from '../engine/read-ahead.ts'
import type { Changed, ChangeOptions, StreamMetadata, StreamMetadataValues } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { NewEvent } from '../model/event.ts'
import {
  streamInfo as infoOf,
  metadataEventType,
  metadataStreamOf,
  type StoredStreamMetadata,
  type StreamInfo,
} from '../model/stream.ts'
import { type AppendPort, append } from './append.ts'
import { checkStreamId } from './prepare.ts'
import { readStream } from './read.ts'

/** What verbs about a stream as a whole work with. */
export interface StreamPort extends AppendPort, PageSource {}

/** Where a stream stands. See `EventStore.streamInfo`. */
export async function streamInfo(
  engine: Pick<Engine, 'read'>,
  streamId: string,
  options: CallOptions = {},
): Promise<StreamInfo> {
  checkStreamId(streamId)
  const query = { source: { streamId }, direction: 'forward', from: 1, limit: 0, maxBytes: 0 } as const
  const { stream } = await engine.read(query, options.signal)
  if (stream === undefined) throw new InvalidArgument('engine', 'gave no state with a page of a stream')
  return infoOf(streamId, stream)
}

/** The metadata in force. See `EventStore.getStreamMetadata`. */
export async function getStreamMetadata(
  port: PageSource,
  streamId: string,
  options: CallOptions = {},
): Promise<StreamMetadata> {
  checkStreamId(streamId)
  const facts = readStream(port, metadataStreamOf(streamId), { direction: 'backward', ...options })
  for await (const fact of facts) {
    if (fact.type !== metadataEventType) continue
    const { truncate_before: truncateBefore, ...rest } = fact.data as StoredStreamMetadata
    return { values: { ...rest, ...(truncateBefore !== undefined && { truncateBefore }) }, version: fact.version }
  }
  return { values: {}, version: 0 }
}

/** Replaces the metadata. See `EventStore.setStreamMetadata`. */
export async function setStreamMetadata(
  port: StreamPort,
  streamId: string,
  metadata: StreamMetadataValues,
  options: ChangeOptions = {},
): Promise<Changed> {
  checkStreamId(streamId)
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidArgument('metadata', 'is not an object')
  }
  const { position } = await append(port, metadataStreamOf(streamId), [metadataFact(metadata)], options)
  return { position, changed: true }
}

/** The event that says so. */
export function metadataFact(values: StreamMetadataValues): NewEvent {
  const { truncateBefore, ...rest } = values
  const data: StoredStreamMetadata = {
    ...rest,
    ...(truncateBefore !== undefined && { truncate_before: truncateBefore }),
  }
  return { type: metadataEventType, data }
}
