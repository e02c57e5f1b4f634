import { inSpan } from '../engine/span.ts'
import type { RecordedEvent } from '../model/event.ts'
import { type FromSpan, linksTo } from '../model/traceparent.ts'
import { spanKinds, type Tracer, type TracerSpan } from '../model/tracer.ts'

/** What a batch is of. */
export interface BatchPlace {
  readonly projection: { readonly name: string }
  /** Undefined where there are no generations and partitions. */
  readonly generation?: number
  readonly partition?: number
}

/**
 * Writes a batch in a span: a trace of its own, since its events come from many, linked to the spans of their appends. What
 * handlers and the target do meanwhile is below it.
 */
export function inBatchSpan<Result>(
  tracer: Tracer,
  { projection: { name }, generation, partition }: BatchPlace,
  events: readonly RecordedEvent[],
  write: (span: TracerSpan) => Promise<Result>,
): Promise<Result> {
  const correlationIds = new Set(events.map(({ metadata }) => metadata.correlationId))
  const [correlationId] = correlationIds
  const attributes = {
    'varve.projection': name,
    ...(generation !== undefined && { 'varve.generation': generation, 'varve.partition': partition }),
    'varve.events': events.length,
    'varve.position': events.at(-1)?.position,
    ...(correlationIds.size === 1 && correlationId !== undefined && { 'varve.correlation_id': correlationId }),
  }
  const start = { kind: spanKinds.consumer, root: true, attributes, links: linksTo(events.map(fromSpan)) }
  return inSpan(tracer, `varve.project ${name}`, start, write)
}

function fromSpan({ metadata: { traceparent, correlationId } }: RecordedEvent): FromSpan {
  return {
    traceparent,
    ...(correlationId !== undefined && { attributes: { 'varve.correlation_id': correlationId } }),
  }
}
