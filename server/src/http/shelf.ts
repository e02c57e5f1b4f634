import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type EventStore, limits } from 'varve'
import { shelfItemAnswers, shelfListAnswers, shelfVersionAnswers } from './answers.ts'
import { refuseExpected } from './expected-version.ts'
import { noQuery } from './range.ts'

const closed = { additionalProperties: false } as const
const tags = ['shelf']
const one = Type.Optional(Type.String())
const expected = Type.Optional(Type.Integer({ minimum: 0, description: '0: absent; default: whatever it is' }))
const params = Type.Object({ key: Type.String({ description: 'Percent-encoded' }) })

const listSchema = {
  tags,
  summary: 'List entries of the shelf by the bytes of their keys',
  querystring: Type.Object(
    {
      prefix: one,
      after: one,
      limit: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.shelfPageEntries })),
    },
    closed,
  ),
  response: shelfListAnswers,
}

const getSchema = {
  tags,
  summary: 'An entry of the shelf; version 0 says that there is none',
  params,
  querystring: noQuery,
  response: shelfItemAnswers,
}

const putSchema = {
  tags,
  summary: 'Store a JSON value on the shelf',
  params,
  querystring: noQuery,
  body: Type.Object({ value: Type.Unknown(), expected_version: expected }, closed),
  response: shelfVersionAnswers,
}

const deleteSchema = {
  tags,
  summary: 'Remove an entry of the shelf',
  params,
  querystring: Type.Object({ expected_version: expected }, closed),
  response: shelfVersionAnswers,
}

/** The routes for values beside the log. */
export function shelfRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/shelf', { schema: listSchema }, async ({ query }) => {
      const { prefix = '', after = '', limit = limits.shelfPageEntries } = query
      return { items: await store.shelf.list({ prefix, after, limit }).toArray() }
    })

    app.get('/shelf/:key', { schema: getSchema }, async ({ params: { key } }) => {
      // Version 0 is a state like any other, and what a first put expects.
      return (await store.shelf.get(key)) ?? { key, value: null, version: 0 }
    })

    app.put('/shelf/:key', { schema: putSchema }, async ({ params: { key }, body, headers }) => {
      refuseExpected(headers, 'give expected_version in the body')
      const { value, expected_version } = body
      return { key, version: await store.shelf.put(key, value, expectation(expected_version)) }
    })

    app.delete('/shelf/:key', { schema: deleteSchema }, async ({ params: { key }, query, headers }) => {
      refuseExpected(headers, 'give expected_version in the query')
      await store.shelf.delete(key, expectation(query.expected_version))
      return { key, version: 0 }
    })
  }
}

function expectation(expectedVersion: number | undefined): { readonly expectedVersion?: number } {
  return expectedVersion === undefined ? {} : { expectedVersion }
}
