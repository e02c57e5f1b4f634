import { inSpan } from '../engine/span.ts'
import type { RecordedEvent } from '../model/event.ts'
import { linksTo } from '../model/traceparent.ts'
import { type SpanAttributes, spanKinds, type Tracer } from '../model/tracer.ts'

/** What is reacted to: an event, or a deadline that an event has set. */
export interface Occasion {
  readonly reaction: string
  readonly processId: string
  readonly position: number
  /** Undefined for a deadline: it may be due long after, and its event be read no more. */
  readonly event?: RecordedEvent
  readonly deadline?: string
}

/**
 * Reacts in a span: a trace of its own, since it may be much later, linked to the span of the append that the event comes
 * from. What is sent meanwhile is below it.
 */
export function inReactionSpan<Result>(
  tracer: Tracer | undefined,
  { reaction, processId, position, event, deadline }: Occasion,
  react: () => Promise<Result>,
): Promise<Result> {
  if (tracer === undefined) return react()
  const { correlationId, traceparent } = event?.metadata ?? {}
  const attributes: SpanAttributes = {
    'varve.reaction': reaction,
    'varve.process': processId,
    'varve.position': position,
    ...(deadline !== undefined && { 'varve.deadline': deadline }),
    ...(correlationId !== undefined && { 'varve.correlation_id': correlationId }),
  }
  const links = linksTo([{ traceparent }])
  return inSpan(tracer, `varve.react ${reaction}`, { kind: spanKinds.consumer, root: true, attributes, links }, react)
}
