import type { Call, Handler } from '../grpc/call.ts'
import { type Methods, unary } from '../grpc/method.ts'
import { bytesTag } from '../protobuf/proto-reader.ts'
import { ProtoWriter } from '../protobuf/proto-writer.ts'
import { decodeStreamOptions } from './append-request.ts'
import { writePosition } from './append-response.ts'
import { type BatchParts, batchAppend } from './batch-append.ts'
import { classicAppend } from './classic-append.ts'
import { deleteStream, tombstone } from './delete-stream.ts'
import { type ReadParts, read } from './read.ts'

/** What the service needs. */
export interface StreamsParts extends BatchParts, ReadParts {}

/** The service event_store.client.streams.Streams. */
export function streamsMethods(parts: StreamsParts): Methods {
  const { store } = parts
  const service = '/event_store.client.streams.Streams'
  return {
    [`${service}/Append`]: classicAppend(store),
    [`${service}/BatchAppend`]: batchAppend(parts),
    [`${service}/Read`]: read(parts),
    [`${service}/Delete`]: closing((options, { access, signal }) => deleteStream(store, access, options, { signal })),
    [`${service}/Tombstone`]: closing((options, { access, signal }) => tombstone(store, access, options, { signal })),
  }
}

const positionTag = bytesTag(1)

function closing(close: (options: ReturnType<typeof decodeStreamOptions>, call: Call) => Promise<number>): Handler {
  return unary({ decode: decodeStreamOptions, encode: encodePosition }, close)
}

function encodePosition(position: number): Buffer {
  const writer = new ProtoWriter(32)
  const message = writer.open(positionTag)
  writePosition(writer, position)
  writer.close(message)
  return writer.finish()
}
