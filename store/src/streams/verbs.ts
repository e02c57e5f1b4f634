import type { Engine } from '../engine/engine.ts'
import type { ChangeOptions, EventStore, StreamsOptions } from '../event-store.ts'
import { callFields, readAllFields, readStreamFields } from '../model/call-fields.ts'
import { fieldsOf, type KnownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import type { TraceOptions } from '../model/trace.ts'
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
    readStream: (streamId, options) => readStream(port, streamId, known(options, readStreamFields, 'readStream')),
    readAll: (options) => readAll(port, known(options, readAllFields, 'readAll')),
    readEvent: async (eventId, options) => readEvent(engine, eventId, known(options, callFields, 'readEvent')),
    trace: async (correlationId, options) => trace(port, correlationId, known(options, traceFields, 'trace')),
    head: async (options) => head(engine, known(options, callFields, 'head')),
    heads: async (options) => heads(engine, known(options, callFields, 'heads')),
    streams: (options) => listStreams(engine, known(options, streamsFields, 'streams')),
    streamInfo: async (streamId, options) => streamInfo(engine, streamId, known(options, callFields, 'streamInfo')),
    getStreamMetadata: async (streamId, options) =>
      getStreamMetadata(port, streamId, known(options, callFields, 'getStreamMetadata')),
    setStreamMetadata: async (streamId, metadata, options) =>
      setStreamMetadata(port, streamId, metadata, known(options, changeFields, 'setStreamMetadata')),
    truncateBefore: async (streamId, version, options) =>
      truncateBefore(port, streamId, version, known(options, callFields, 'truncateBefore')),
    deleteStream: async (streamId, options) =>
      deleteStream(port, streamId, known(options, changeFields, 'deleteStream')),
    tombstone: async (streamId, options) => tombstone(port, streamId, known(options, changeFields, 'tombstone')),
  }
}

const traceFields = fieldsOf<TraceOptions>({ limit: true, signal: true })
const streamsFields = fieldsOf<StreamsOptions>({ prefix: true, after: true, limit: true, signal: true })
const changeFields = fieldsOf<ChangeOptions>({ expectedVersion: true, signal: true })

function known<Options>(options: Options, fields: KnownFields, verb: string): Options {
  refuseUnknownOptions(options, fields, verb)
  return options
}
