import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type TUnsafe, Type } from 'typebox'
import {
  createGroup,
  deleteGroup,
  discardParked,
  type EventStore,
  groupInfo,
  limits,
  listGroups,
  type ParkedChoice,
  parkedEvents,
  replayParked,
  startGroup,
  stopGroup,
  updateGroup,
} from 'varve'
import { withWireNames } from '../wire-names.ts'
import { countAnswers, groupAnswers, groupListAnswers, newGroupAnswers, parkedListAnswers } from './group-answers.ts'
import { groupParams, newGroupSchema, settingsFrom, settingsSchema, sourceFrom } from './group-wire.ts'
import { noQuery } from './range.ts'

const closed = { additionalProperties: false } as const
const pageMax = 1_000
const pageDefault = 100
const limit = Type.Optional(Type.Integer({ minimum: 0, maximum: pageMax, description: `Default ${pageDefault}` }))

const ofGroup = { tags: ['groups'], params: groupParams, querystring: noQuery }

const listSchema = {
  tags: ['groups'],
  summary: 'List consumer groups by the bytes of their names',
  querystring: Type.Object(
    { prefix: Type.Optional(Type.String()), after: Type.Optional(Type.String()), limit },
    closed,
  ),
  response: groupListAnswers,
}

const createSchema = {
  ...ofGroup,
  summary: 'Create a consumer group; 409 when it is there already',
  body: newGroupSchema,
  response: newGroupAnswers,
}

const infoSchema = {
  ...ofGroup,
  summary: 'Where a consumer group stands, and who consumes it',
  response: groupAnswers,
}

const updateSchema = {
  ...ofGroup,
  summary: 'Change settings of a consumer group; what is not given stays',
  body: settingsSchema,
  response: groupAnswers,
}

const deleteSchema = {
  ...ofGroup,
  summary: 'Delete a consumer group with its parked events; no event is touched',
  response: countAnswers,
}

const stopSchema = {
  ...ofGroup,
  summary: 'Stop a consumer group: nothing is delivered to anybody',
  body: Type.Object({ reason: Type.Optional(Type.String({ maxLength: limits.parkReasonChars })) }, closed),
  response: groupAnswers,
}

const startSchema = { ...ofGroup, summary: 'Let a stopped consumer group deliver again', response: groupAnswers }

const parkedSchema = {
  tags: ['groups'],
  summary: 'List parked events by their positions',
  params: groupParams,
  querystring: Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })), limit }, closed),
  response: parkedListAnswers,
}

interface WireChoice {
  readonly positions: number[] | 'all'
  readonly expected_count?: number
}

const choiceSchema: TUnsafe<WireChoice> = Type.Unsafe<WireChoice>(
  Type.Object(
    {
      positions: Type.Union([Type.Array(Type.Integer({ minimum: 1 })), Type.Literal('all')], {
        description: 'a list of positions of parked events, or "all"',
      }),
      expected_count: Type.Optional(
        Type.Integer({ minimum: 0, description: 'How many they have to be; has to be given with "all"' }),
      ),
    },
    closed,
  ),
)

const replaySchema = {
  ...ofGroup,
  summary: 'Deliver parked events again; 409 when they are not as many as expected',
  body: choiceSchema,
  response: countAnswers,
}

const discardSchema = {
  ...ofGroup,
  summary: 'Throw parked events away; 409 when they are not as many as expected',
  body: choiceSchema,
  response: countAnswers,
}

/** The routes for operators of consumer groups. */
export function groupRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  const info = async (group: string): Promise<unknown> => withWireNames(await groupInfo(store, group))

  return async (app) => {
    app.get('/groups', { schema: listSchema }, async ({ query }) => {
      return { groups: withWireNames(await listGroups(store, { limit: pageDefault, ...query }).toArray()) }
    })

    app.put('/groups/:group', { schema: createSchema }, async ({ params: { group }, body }, reply) => {
      await createGroup(store, group, { ...settingsFrom(body), ...sourceFrom(body) })
      reply.status(201)
      return info(group)
    })

    app.get('/groups/:group', { schema: infoSchema }, async ({ params: { group } }) => info(group))

    app.patch('/groups/:group', { schema: updateSchema }, async ({ params: { group }, body }) => {
      await updateGroup(store, group, settingsFrom(body))
      return info(group)
    })

    app.delete('/groups/:group', { schema: deleteSchema }, async ({ params: { group } }) => {
      await deleteGroup(store, group)
      return { group, count: 1 }
    })

    app.post('/groups/:group/stop', { schema: stopSchema }, async ({ params: { group }, body }) => {
      await stopGroup(store, group, body)
      return info(group)
    })

    app.post('/groups/:group/start', { schema: startSchema }, async ({ params: { group } }) => {
      await startGroup(store, group)
      return info(group)
    })

    app.get('/groups/:group/parked', { schema: parkedSchema }, async ({ params: { group }, query }) => {
      return {
        group,
        parked: withWireNames(await parkedEvents(store, group, { limit: pageDefault, ...query }).toArray()),
      }
    })

    app.post('/groups/:group/parked/replay', { schema: replaySchema }, async ({ params: { group }, body }) => {
      return { group, ...(await replayParked(store, group, choiceFrom(body))) }
    })

    app.post('/groups/:group/parked/discard', { schema: discardSchema }, async ({ params: { group }, body }) => {
      return { group, ...(await discardParked(store, group, choiceFrom(body))) }
    })
  }
}

function choiceFrom({ positions, expected_count }: WireChoice): ParkedChoice {
  // That a count is missing where there has to be one is for the library to say.
  return { positions, ...(expected_count !== undefined && { expectedCount: expected_count }) } as ParkedChoice
}
