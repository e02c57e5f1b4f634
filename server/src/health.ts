import type { FastifyPluginAsync } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Clock, EventStore } from 'varve'
import { liveAnswers, readyAnswers } from './http/answers.ts'

/** What the health of a server depends on. */
export interface HealthParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/** How long the store may take to say where it stands before it counts as not ready, in milliseconds. */
const readyTimeoutMs = 2_000

const querystring: TSchema = Type.Object({}, { additionalProperties: false })

/** Whether the process lives, and whether it can serve: two questions with two answers. */
export function healthRoutes(parts: HealthParts): FastifyPluginAsync {
  return async (app) => {
    const live = { tags: ['health'], summary: 'Whether the process lives', querystring, response: liveAnswers }
    app.get('/health/live', { schema: live }, async () => ({ status: 'live' }))

    const summary = 'Whether the server can serve; 503 when not'
    const ready = { tags: ['health'], summary, querystring, response: readyAnswers }
    app.get('/health/ready', { schema: ready }, async (request, reply) => {
      if (parts.closing.aborted) return reply.status(503).send({ status: 'closing' })
      try {
        return { status: 'ready', head: await headInTime(parts) }
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
  const head = await Promise.race([store.head({ signal: answered.signal }), late]).finally(() => answered.abort())
  if (head === undefined) throw new Error(`The store did not answer within ${readyTimeoutMs} ms.`)
  return head
}
