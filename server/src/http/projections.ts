import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { type TUnsafe, Type } from 'typebox'
import {
  type Clock,
  type EventStore,
  InvalidArgument,
  listProjections,
  type ParkedInProjection,
  parkedInProjection,
  pauseProjection,
  projectionStatus,
  rebuildProjection,
  replayInProjection,
  resumeProjection,
  retireGeneration,
  skipEvent,
  swapProjection,
  waitForProjection,
} from 'varve'
import { parkedJson, projectionJson } from '../projection-json.ts'
import { sendLines, wantsLines } from './lines.ts'
import { problem, sendProblem } from './problem.ts'
import {
  parkedAnswers,
  projectionAnswers,
  projectionsAnswers,
  rebuildAnswers,
  replayAnswers,
  toldAnswers,
} from './projection-answers.ts'
import { noQuery, pageRange } from './range.ts'
import { untilGone } from './until-gone.ts'

/** How long a request may wait for a read model, in milliseconds. */
const waitMaxMs = 300_000

const tags = ['projections']
const closed = { additionalProperties: false } as const
const params: TUnsafe<{ name: string }> = Type.Unsafe<{ name: string }>(
  Type.Object({ name: Type.String({ description: 'Percent-encoded' }) }),
)
const generation = Type.Integer({ minimum: 1 })
const ofGeneration = Type.Optional(
  Type.Integer({ minimum: 1, description: 'a generation; default: the one that readers see' }),
)

const listSchema = {
  tags,
  summary: 'How all projections are doing that ever ran over the store',
  querystring: noQuery,
  response: projectionsAnswers,
}

const statusSchema = {
  tags,
  summary: 'How one projection is doing; with wait, once its read model has come to a position',
  description:
    'With wait the answer comes when the read model that readers see has everything up to that position, such as the one an append gave; PROJECTION_STOPPED (409) at once when it has stopped before there, WAIT_TIMED_OUT (504) when it has not come there in time.',
  params,
  querystring: Type.Object(
    {
      wait: Type.Optional(Type.Integer({ minimum: 0, description: 'a position to wait for' })),
      timeout_ms: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: waitMaxMs,
          description: `a number of milliseconds up to ${waitMaxMs}; default 30000`,
        }),
      ),
    },
    closed,
  ),
  response: projectionAnswers,
}

const pauseSchema = {
  ...{ tags, params, querystring: noQuery, response: toldAnswers },
  summary: 'Pause all generations of a projection, until it is resumed',
}

const resumeSchema = {
  ...{ tags, params, querystring: noQuery, response: toldAnswers },
  summary: 'Let a paused projection go on, and one that failed try again',
}

const rebuildSchema = {
  ...{ tags, params, querystring: noQuery, response: rebuildAnswers },
  summary: 'Build the read model anew, beside the one that readers see',
}

const swapSchema = {
  ...{ tags, params, querystring: noQuery, response: toldAnswers },
  summary: 'Show readers another generation, as soon as it can be shown',
  body: Type.Object({ generation }, closed),
}

const retireSchema = {
  ...{ tags, params, querystring: noQuery, response: toldAnswers },
  summary: 'End a generation that readers do not see, and remove its read model',
  body: Type.Object({ generation }, closed),
}

const parkedSchema = {
  tags,
  summary: 'The events that a projection has set aside, by position',
  description:
    'With accept: application/x-ndjson the answer is every one of them, one object a line, instead of a page.',
  params,
  querystring: Type.Object(
    {
      generation: ofGeneration,
      from: Type.Optional(Type.Integer({ minimum: 0, description: 'The position to begin at, inclusive' })),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    },
    closed,
  ),
  response: parkedAnswers,
}

type Positions = number[] | 'all'

const replaySchema = {
  ...{ tags, params, querystring: noQuery, response: replayAnswers },
  summary: 'Apply parked events after all',
  description: 'PARKED_COUNT_DIFFERS (409) when expected_count is not the number of events that would be replayed.',
  body: Type.Object(
    {
      positions: Type.Unsafe<Positions>(
        Type.Union([Type.Array(Type.Integer({ minimum: 1 })), Type.Literal('all')], {
          description: 'a list of positions, or "all"',
        }),
      ),
      expected_count: Type.Integer({ minimum: 0, description: 'How many events that is' }),
      generation: ofGeneration,
    },
    closed,
  ),
}

const skipSchema = {
  ...{ tags, params, querystring: noQuery, response: toldAnswers },
  summary: 'Pass over the event that a projection stopped at, for ever in this generation',
  body: Type.Object({ position: Type.Integer({ minimum: 1 }), generation: ofGeneration }, closed),
}

/** What the routes about projections need. */
export interface ProjectionParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/**
 * The routes about projections. Those that change something answer 202: the instances that run the projections act on it
 * when they next look.
 */
export function projectionRoutes(parts: ProjectionParts): FastifyPluginAsyncTypebox {
  const { store, clock } = parts
  const answerTold = async (name: string, reply: FastifyReply): Promise<FastifyReply> =>
    reply.status(202).send(projectionJson(await projectionStatus(store, name, { clock })))

  return async (app) => {
    app.get('/projections', { schema: listSchema }, async () => ({
      projections: (await listProjections(store, { clock })).map(projectionJson),
    }))

    app.get('/projections/:name', { schema: statusSchema }, async ({ params: { name }, query }, reply) => {
      const { wait, timeout_ms } = query
      if (wait !== undefined) return answerWhenThere(parts, name, { wait, timeout_ms }, reply)
      if (timeout_ms !== undefined) throw new InvalidArgument('timeout_ms', 'goes together with wait')
      return projectionJson(await projectionStatus(store, name, { clock }))
    })

    app.post('/projections/:name/pause', { schema: pauseSchema }, async ({ params: { name } }, reply) => {
      await pauseProjection(store, name)
      return answerTold(name, reply)
    })

    app.post('/projections/:name/resume', { schema: resumeSchema }, async ({ params: { name } }, reply) => {
      await resumeProjection(store, name)
      return answerTold(name, reply)
    })

    app.post('/projections/:name/rebuild', { schema: rebuildSchema }, async ({ params: { name } }, reply) => {
      const generation = await rebuildProjection(store, name, { clock })
      return reply.status(202).send({ name, generation })
    })

    app.post('/projections/:name/swap', { schema: swapSchema }, async ({ params: { name }, body }, reply) => {
      await swapProjection(store, name, body.generation)
      return answerTold(name, reply)
    })

    app.post('/projections/:name/retire', { schema: retireSchema }, async ({ params: { name }, body }, reply) => {
      await retireGeneration(store, name, body.generation)
      return answerTold(name, reply)
    })

    await app.register(setAsideRoutes(store, answerTold))
  }
}

/** The routes about events that a projection could not handle. */
function setAsideRoutes(
  store: EventStore,
  answerTold: (name: string, reply: FastifyReply) => Promise<FastifyReply>,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/projections/:name/parked', { schema: parkedSchema }, async (request, reply) => {
      const { name } = request.params
      const { generation, from = 0, limit } = request.query
      const events = parkedInProjection(store, name, { from, ...(generation !== undefined && { generation }) })
      if (wantsLines(request)) return sendLines(request, reply, () => events, parkedJson)
      const range = pageRange(limit === undefined ? {} : { limit })
      return parkedPage(events, from, range.limit)
    })

    app.post('/projections/:name/replay', { schema: replaySchema }, async ({ params: { name }, body }, reply) => {
      const { positions, expected_count: expectedCount, generation } = body
      const chosen = { positions, expectedCount, ...(generation !== undefined && { generation }) }
      return reply.status(202).send({ name, replaying: await replayInProjection(store, name, chosen) })
    })

    app.post('/projections/:name/skip', { schema: skipSchema }, async ({ params: { name }, body }, reply) => {
      const { position, generation } = body
      await skipEvent(store, name, { position, ...(generation !== undefined && { generation }) })
      return answerTold(name, reply)
    })
  }
}

/** One more than asked for is looked at, to know whether there is more. */
async function parkedPage(events: AsyncIterable<ParkedInProjection>, from: number, limit: number): Promise<object> {
  const parked: ParkedInProjection[] = []
  let next: number | undefined
  for await (const event of events) {
    if (parked.length === limit) {
      next = event.position
      break
    }
    parked.push(event)
  }
  const last = parked.at(-1)?.position ?? from - 1
  return { parked: parked.map(parkedJson), next: next ?? Math.max(0, last + 1), end: next === undefined }
}

/** Answers once the read model has come to a position. Whoever has gone, and a server that shuts down, ends the wait. */
async function answerWhenThere(
  { store, clock, closing }: ProjectionParts,
  name: string,
  { wait, timeout_ms: timeoutMs }: { readonly wait: number; readonly timeout_ms: number | undefined },
  reply: FastifyReply,
): Promise<unknown> {
  const gone = untilGone(reply)
  const signal = AbortSignal.any([gone, closing])
  try {
    await waitForProjection(store, name, wait, { clock, signal, ...(timeoutMs !== undefined && { timeoutMs }) })
  } catch (error) {
    if (gone.aborted) return reply.hijack()
    if (!closing.aborted) throw error
    return sendProblem(reply, problem(503, 'CLOSING', 'The server shuts down. Ask again elsewhere or later.'))
  }
  return projectionJson(await projectionStatus(store, name, { clock }))
}
