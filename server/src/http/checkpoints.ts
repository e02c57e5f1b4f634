import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Capabilities, type EventStore, InvalidArgument } from 'varve'
import { checkpointAnswers, headAnswers } from './answers.ts'
import { refuseExpected } from './expected-version.ts'
import { noQuery } from './range.ts'

const headSchema = {
  tags: ['read'],
  summary: 'The position of the last event, 0 for none, also of each log shard, and what the engine can do',
  querystring: noQuery,
  response: headAnswers,
}

const ofCheckpoint = {
  tags: ['checkpoints'],
  params: Type.Object({ name: Type.String({ description: 'Percent-encoded' }) }),
  querystring: noQuery,
  response: checkpointAnswers,
}

const loadSchema = { ...ofCheckpoint, summary: 'A saved place; version 0 says that none was saved' }

const saveSchema = {
  ...ofCheckpoint,
  summary: 'Save a place',
  body: Type.Object(
    {
      position: Type.Optional(Type.Integer({ minimum: 0 })),
      positions: Type.Optional(
        Type.Array(Type.Integer({ minimum: 0 }), {
          description: 'Instead of position: one for each log shard, of a store that has several',
        }),
      ),
      expected_version: Type.Optional(
        Type.Integer({ minimum: 0, description: '0: never saved; default: whatever it is' }),
      ),
    },
    { additionalProperties: false },
  ),
}

/** The routes for places in the store: its head, and the named ones that consumers keep. */
export function checkpointRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/head', { schema: headSchema }, async () => {
      const heads = await store.heads()
      return { head: Math.max(...heads), heads, capabilities: wireCapabilities(store.capabilities) }
    })

    app.get('/checkpoints/:name', { schema: loadSchema }, async ({ params }) => {
      // Version 0 is a state like any other, and what a first save expects.
      return (await store.checkpoints.load(params.name)) ?? { position: 0, version: 0 }
    })

    app.put('/checkpoints/:name', { schema: saveSchema }, async ({ params, body, headers }) => {
      refuseExpected(headers, 'give expected_version in the body')
      const { position, positions, expected_version } = body
      const place = positions ?? position
      if (place === undefined || (position !== undefined && positions !== undefined)) {
        throw new InvalidArgument('position', 'is missing, or given beside positions: give one of them')
      }
      const options = expected_version === undefined ? {} : { expectedVersion: expected_version }
      const version = await store.checkpoints.save(params.name, place, options)
      return typeof place === 'number'
        ? { position: place, version }
        : { position: Math.max(...place), positions: place, version }
    })
  }
}

function wireCapabilities(capabilities: Capabilities): object {
  return {
    engine: capabilities.engine,
    gapless_positions: capabilities.gaplessPositions,
    append_conditions: capabilities.appendConditions,
    multi_stream_appends: capabilities.multiStreamAppends,
    durable: capabilities.durable,
    shared_storage: capabilities.sharedStorage,
    batches_in_flight: capabilities.batchesInFlight,
    log_shards: capabilities.logShards,
  }
}
