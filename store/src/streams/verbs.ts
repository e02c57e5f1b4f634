import type { Engine } from '../engine/engine.ts'
import type { EventStore } from '../event-store.ts'
import type { Tracer } from '../model/tracer.ts'
import { append, appendAll } from './append.ts'
import { withTransaction } from './append-within.ts'
import { deleteStream, tombstone, truncateBefore } from './close-stream.ts'
import { head, heads } from './head.ts'
import { getStreamMetadata, type StreamPort, setStreamMetadata, streamInfo } from './metadata.ts'
import { listStreams, readAll, readEvent, readStream } from './read.ts'
import { trace } from './trace.ts'
import { type AppendVerbs, tracedAppends } from './traced-appends.ts'

/** What the verbs of a store work with: an engine, or what stands for one that is behind a server. */
export interface VerbsPort extends StreamPort {
  readonly engine: StreamPort['engine'] & Pick<Engine, 'find' | 'head' | 'heads' | 'streams' | 'appendWithin'>
}

/** The verbs over streams and the log, which every store has in common. */
export type StreamVerbs = AppendVerbs &
  Pick<
    EventStore,
    | 'readStream'
    | 'readAll'
    | 'readEvent'
    | 'trace'
    | 'head'
    | 'heads'
    | 'streams'
    | 'streamInfo'
    | 'getStreamMetadata'
    | 'setStreamMetadata'
    | 'truncateBefore'
    | 'deleteStream'
    | 'tombstone'
  >

/** The verbs over a port; appends in spans where there is a tracer. */
export function streamVerbs(port: VerbsPort, tracer: Tracer | undefined): StreamVerbs {
  const { engine } = port
  const appends: AppendVerbs = {
    append: (streamId, events, options) => append(port, streamId, events, options),
    appendAll: (writes, options) => appendAll(port, writes, options),
    withTransaction: (client) => withTransaction(port, client),
  }
  return {
    ...(tracer === undefined ? appends : tracedAppends(appends, tracer)),
    readStream: (streamId, options) => readStream(port, streamId, options),
    readAll: (options) => readAll(port, options),
    readEvent: (eventId, options) => readEvent(engine, eventId, options),
    trace: (correlationId, options) => trace(port, correlationId, options),
    head: (options) => head(engine, options),
    heads: (options) => heads(engine, options),
    streams: (options) => listStreams(engine, options),
    streamInfo: (streamId, options) => streamInfo(engine, streamId, options),
    getStreamMetadata: (streamId, options) => getStreamMetadata(port, streamId, options),
    setStreamMetadata: (streamId, metadata, options) => setStreamMetadata(port, streamId, metadata, options),
    truncateBefore: (streamId, version, options) => truncateBefore(port, streamId, version, options),
    deleteStream: (streamId, options) => deleteStream(port, streamId, options),
    tombstone: (streamId, options) => tombstone(port, streamId, options),
  }
}
