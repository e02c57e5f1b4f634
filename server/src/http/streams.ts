import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Changed, EventStore, StreamMetadataValues } from 'varve'
import { changedAnswers, metadataAnswers, streamAnswers, streamsAnswers } from './answers.ts'
import { expectedHeaders, expectedIn, refuseExpected } from './expected-version.ts'
import { noQuery, pageRange, streamParams } from './range.ts'
import { wireInfo } from './stream-info.ts'

const closed = { additionalProperties: false } as const
const tags = ['streams']
const one = Type.Optional(Type.String())

const listSchema = {
  tags,
  summary: 'List streams by the bytes of their ids',
  querystring: Type.Object({ prefix: one, after: one, limit: Type.Optional(Type.Integer({ minimum: 0 })) }, closed),
  response: streamsAnswers,
}

const ofStream = { tags, params: streamParams, querystring: noQuery }

const infoSchema = { ...ofStream, summary: 'Where a stream stands', response: streamAnswers }

const metadataSchema = { ...ofStream, summary: "A stream's metadata and its version", response: metadataAnswers }

const setMetadataSchema = {
  ...ofStream,
  summary: "Replace a stream's metadata; If-Match is the version of the metadata",
  headers: expectedHeaders,
  body: Type.Object({ truncate_before: Type.Optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: true }),
  response: changedAnswers,
}

const truncateSchema = {
  ...ofStream,
  summary: 'Hide the events before a version from reads of the stream',
  body: Type.Object({ before: Type.Integer({ minimum: 1 }) }, closed),
  response: changedAnswers,
}

const deleteSchema = {
  ...ofStream,
  summary: 'Hide all events of a stream, which may be written again',
  headers: expectedHeaders,
  response: changedAnswers,
}

const tombstoneSchema = {
  ...ofStream,
  summary: 'Close a stream for ever',
  headers: expectedHeaders,
  response: changedAnswers,
}

/** The routes about streams as a whole. */
export function streamRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/streams', { schema: listSchema }, async ({ query }) => {
      const { limit } = pageRange(query.limit === undefined ? {} : { limit: query.limit })
      const { prefix = '', after = '' } = query
      // One more than asked for, to know whether there is more.
      const streams = await store.streams({ prefix, after, limit: limit + 1 }).toArray()
      return { streams: streams.slice(0, limit).map(wireInfo), end: streams.length <= limit }
    })

    app.get('/streams/:stream_id', { schema: infoSchema }, async ({ params }, reply) => {
      const info = await store.streamInfo(params.stream_id)
      reply.header('etag', `"${info.version}"`)
      return wireInfo(info)
    })

    app.get('/streams/:stream_id/metadata', { schema: metadataSchema }, async ({ params }, reply) => {
      const { values, version } = await store.getStreamMetadata(params.stream_id)
      const { truncateBefore, ...own } = values
      reply.header('etag', `"${version}"`)
      return { metadata: { ...own, ...(truncateBefore !== undefined && { truncate_before: truncateBefore }) }, version }
    })

    app.put('/streams/:stream_id/metadata', { schema: setMetadataSchema }, async ({ params, body, headers }) => {
      const { truncate_before: truncateBefore, ...own } = body
      const values: StreamMetadataValues = { ...own, ...(truncateBefore !== undefined && { truncateBefore }) }
      return wireChanged(await store.setStreamMetadata(params.stream_id, values, expectedIn(undefined, headers)))
    })

    app.post('/streams/:stream_id/truncate', { schema: truncateSchema }, async ({ params, body, headers }) => {
      refuseExpected(headers, 'a truncation names its version itself')
      return wireChanged(await store.truncateBefore(params.stream_id, body.before))
    })

    app.delete('/streams/:stream_id', { schema: deleteSchema }, async ({ params, headers }) =>
      wireChanged(await store.deleteStream(params.stream_id, expectedIn(undefined, headers))),
    )

    app.post('/streams/:stream_id/tombstone', { schema: tombstoneSchema }, async ({ params, headers }) =>
      wireChanged(await store.tombstone(params.stream_id, expectedIn(undefined, headers))),
    )
  }
}

function wireChanged({ position, changed }: Changed): { readonly position: number; readonly changed: boolean } {
  return { position, changed }
}
