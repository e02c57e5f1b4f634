import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Clock, EventStore, GenerationStatus, ProjectionStatus } from 'varve'
import { openAccess } from './auth/access.ts'
import { liveAnswers, readyAnswers } from './http/answers.ts'
import type { ProjectionLooks } from './projection-looks.ts'

/** What the health of a server depends on. */
export interface HealthParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  readonly looks: ProjectionLooks
  /** How far behind a read model may be before it is named, in milliseconds. */
  readonly projectionLagMs: number
  /** True: not ready while a read model is behind or has failed. */
  readonly readyNeedsProjections: boolean
}

/** How long the store may take to say where it stands before it counts as not ready, in milliseconds. */
const readyTimeoutMs = 2_000

const querystring: TSchema = Type.Object({}, { additionalProperties: false })

/** Whether the process lives, and whether it can serve: two questions with two answers. */
export function healthRoutes(parts: HealthParts): FastifyPluginAsync {
  return async (app) => {
    const live = { tags: ['health'], summary: 'Whether the process lives', querystring, response: liveAnswers }
    app.get('/health/live', { schema: live }, async () => ({ status: 'live' }))

    const summary = 'Whether the server can serve, 503 when not; and which read models are behind or have failed'
    const ready = { tags: ['health'], summary, querystring, response: readyAnswers }
    app.get('/health/ready', { schema: ready }, async (request, reply) => {
      if (parts.closing.aborted) return reply.status(503).send({ status: 'closing' })
      try {
        const [head, unwell] = await Promise.all([headInTime(parts), unwellNow(request, parts)])
        const isHeldUp = parts.readyNeedsProjections && (unwell?.some(({ isWanted }) => isWanted) ?? true)
        const status = isHeldUp ? 'behind' : 'ready'
        reply.status(isHeldUp ? 503 : 200)
        // How far the store is, and what runs over it, is for whoever has logged in, where anybody has to.
        if (request.access !== openAccess && request.access.login === undefined) return reply.send({ status })
        const projections = unwell?.map(({ isWanted: _, ...named }) => named) ?? null
        return reply.send({ status, head, projections })
      } catch (error) {
        // The reason may name files of this machine: it is for the log.
        request.log.error({ err: error }, 'not ready')
        return reply.status(503).send({ status: 'unready' })
      }
    })
  }
}

/** An engine that hangs may not hear a signal either, so the clock decides. */
async function headInTime({ store, clock }: HealthParts): Promise<number> {
  const answered = new AbortController()
  const late = clock.sleep(readyTimeoutMs, answered.signal).then(() => undefined)
  const heads = await Promise.race([store.heads({ signal: answered.signal }), late]).finally(() => answered.abort())
  if (heads === undefined) throw new Error(`The store did not answer within ${readyTimeoutMs} ms.`)
  return Math.max(...heads)
}

/** A read model that is behind or does not go on. */
interface Unwell {
  readonly name: string
  readonly generation: number
  readonly role: GenerationStatus['role']
  readonly state: GenerationStatus['state']
  readonly lag_events: number
  readonly lag_ms: number
  /** Readers see it, and nobody has paused it. */
  readonly isWanted: boolean
}

/** Undefined when nobody knows. */
async function unwellNow(
  { log }: FastifyRequest,
  { looks, projectionLagMs }: HealthParts,
): Promise<readonly Unwell[] | undefined> {
  try {
    return (await looks.statuses()).flatMap((status) => unwellOf(status, projectionLagMs))
  } catch (error) {
    log.error({ err: error }, 'nothing is known of projections')
    return undefined
  }
}

/** What readers see must not lag; what is built beside it lags by its nature, and is named when it has failed. */
function unwellOf({ name, wanted, published, generations }: ProjectionStatus, lagMaxMs: number): readonly Unwell[] {
  return generations
    .filter(
      ({ role, state, lagMs }) =>
        role !== 'retired' && (state === 'failed' || (role === 'published' && lagMs > lagMaxMs)),
    )
    .map(({ generation, role, state, lagEvents, lagMs }) => {
      const isSeen = role === 'published' || published === undefined
      const isWanted = isSeen && wanted === 'running'
      return { name, generation, role, state, lag_events: lagEvents, lag_ms: lagMs, isWanted }
    })
}
