import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { ProjectionStatus } from 'varve'
import type { ProjectionLooks } from '../projection-looks.ts'
import { createProjectionMetrics } from '../projection-metrics.ts'
import { metricsAnswers } from './answers.ts'

/** What a scrape shows. */
export interface MetricsParts {
  readonly registry: Registry
  readonly looks: ProjectionLooks
}

/** The route for monitors. */
export function metricsRoutes({ registry, looks }: MetricsParts): FastifyPluginAsync {
  const projections = createProjectionMetrics(registry)
  const summary = "What the server counts and how projections are doing, in Prometheus' form"
  return async (app) => {
    app.get('/metrics', { schema: { tags: ['health'], summary, response: metricsAnswers } }, async (request, reply) => {
      const statuses = await seen(request, looks)
      projections.show(statuses)
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
