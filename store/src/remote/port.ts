import type { Capabilities } from '../engine/capabilities.ts'
import type { Engine, Landed, Page, ReadQuery, StreamsPage } from '../engine/engine.ts'
import type { StreamInfo } from '../model/stream.ts'
import { storedFromEnvelope } from '../schema/envelope.ts'
import type { GroupCommit } from '../streams/group-commit.ts'
import type { PreparedAppend } from '../streams/prepare.ts'
import type { Answer, HttpApi } from './http-api.ts'
import { appendBody, wireQuery } from './wire.ts'

/** As much of an engine as a server is for its clients; the verbs of streams/ run on it as they do on any engine. */
export interface RemotePort
  extends Pick<Engine, 'capabilities' | 'read' | 'find' | 'head' | 'heads' | 'streams'>,
    Pick<GroupCommit, 'submit'> {}

/** The port over a server's API. */
export function remotePort(api: HttpApi, capabilities: Capabilities): RemotePort {
  return {
    capabilities,
    read: (query, signal) => readPage(api, query, signal),
    find: async (eventId, signal) => {
      const { event } = await api.call({ method: 'GET', path: `/events/${eventId}`, signal })
      return event === null ? undefined : storedFromEnvelope(event)
    },
    head: async (signal) => whole((await api.call({ method: 'GET', path: '/head', signal })).head),
    ...(capabilities.logShards > 1 && {
      heads: async (signal?: AbortSignal) =>
        ((await api.call({ method: 'GET', path: '/head', signal })).heads as readonly unknown[]).map(whole),
    }),
    streams: (query, signal) => listPage(api, query, signal),
    submit: (append, signal) => submit(api, append, signal),
  }
}

/** What the engine behind a server can do. */
export function capabilitiesFrom(wire: unknown): Capabilities {
  const fields = wire as Answer
  return {
    engine: String(fields.engine),
    gaplessPositions: fields.gapless_positions === true,
    appendConditions: fields.append_conditions === true,
    multiStreamAppends: fields.multi_stream_appends === true,
    durable: fields.durable === true,
    sharedStorage: fields.shared_storage === true,
    // The caller's transaction is in its own process, whatever the engine behind the server can do.
    callerTransactions: false,
    batchesInFlight: whole(fields.batches_in_flight),
    // Servers of before there were shards say nothing of them.
    logShards: whole(fields.log_shards ?? 1),
    // This side of the server, whatever its engine does.
    readsOverNetwork: true,
  }
}

/** Ids are assigned before this, so an append whose answer was lost is sent again and lands once. */
async function submit(api: HttpApi, { request }: PreparedAppend, signal: AbortSignal | undefined): Promise<Landed> {
  const body = appendBody(request)
  const answer = await api.call({ method: 'POST', path: '/events', body, signal, finishes: true })
  return {
    status: answer.idempotent === true ? 'repeated' : 'done',
    firstPosition: whole(answer.first_position),
    lastPosition: whole(answer.position),
    streams: (answer.streams as readonly Answer[]).map(({ stream_id, first_version, version }) => ({
      streamId: String(stream_id),
      firstVersion: whole(first_version),
      lastVersion: whole(version),
    })),
  }
}

async function readPage(api: HttpApi, query: ReadQuery, signal: AbortSignal | undefined): Promise<Page> {
  const { source, shard, direction, from, limit } = query
  const what = 'streamId' in source ? { stream_id: source.streamId } : { query: wireQuery(source.query) }
  const body = JSON.stringify({ ...what, shard, direction, from, limit })
  const answer = await api.call({ method: 'POST', path: '/events/query', body, signal })
  const page = {
    events: (answer.events as readonly unknown[]).map((envelope) => storedFromEnvelope(envelope)),
    next: whole(answer.next),
    end: answer.end === true,
    head: whole(answer.head),
  }
  return 'streamId' in source ? { ...page, stream: infoFrom(answer) } : page
}

async function listPage(
  api: HttpApi,
  { prefix, after, limit }: Parameters<Engine['streams']>[0],
  signal: AbortSignal | undefined,
): Promise<StreamsPage> {
  const query = new URLSearchParams({ prefix, after, limit: String(limit) })
  const answer = await api.call({ method: 'GET', path: `/streams?${query}`, signal })
  return { streams: (answer.streams as readonly Answer[]).map(infoFrom), end: answer.end === true }
}

function infoFrom(wire: Answer): StreamInfo {
  return {
    streamId: String(wire.stream_id),
    version: whole(wire.version),
    truncateBefore: whole(wire.truncate_before),
    tombstoned: wire.tombstoned === true,
    exists: wire.exists === true,
  }
}

function whole(value: unknown): number {
  return Number(value)
}
