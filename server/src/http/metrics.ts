import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { EventStore, ProjectionStatus } from 'varve'
import { registerGroupMetrics } from '../group-metrics.ts'
import type { ProjectionLooks } from '../projection-looks.ts'
import { createProjectionMetrics } from '../projection-metrics.ts'
import { metricsAnswers } from './answers.ts'

/** What a scrape shows. */
export interface MetricsParts {
  readonly registry: Registry
  readonly looks: ProjectionLooks
  readonly store: EventStore
}

/** The route for monitors. */
export function metricsRoutes({ registry, looks, store }: MetricsParts): FastifyPluginAsync {
  const projections = createProjectionMetrics(registry)
  const countGroups = registerGroupMetrics(registry, store)
  const summary = "What the server counts, and how projections and groups are doing, in Prometheus' form"
  return async (app) => {
    app.get('/metrics', { schema: { tags: ['health'], summary, response: metricsAnswers } }, async (request, reply) => {
      const statuses = await seen(request, looks)
      projections.show(statuses)
      // A store that is away leaves the numbers of the server itself as they are.
      await countGroups().catch((error: unknown) => request.log.warn({ err: error }, 'no numbers of consumer groups'))
      reply.type(registry.contentType)
      return registry.metrics()
    })
  }
}

/** A store that does not tell leaves the other numbers as they are. */
async function seen({ log }: FastifyRequest, looks: ProjectionLooks): Promise<readonly ProjectionStatus[] | undefined> {
  try {
    return await looks.statuses()
  } catch (error) {
    log.error({ err: error }, 'no numbers of projections')
    return undefined
  }
}
