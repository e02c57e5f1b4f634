import { inSpan } from '../engine/span.ts'
import type { EventStore } from '../event-store.ts'
import { traceparentOf } from '../model/traceparent.ts'
import { type SpanAttributes, spanKinds, type Tracer } from '../model/tracer.ts'
import { correlationInForce, tracedAs } from './causation.ts'

/** Streams of an append to many that its span names. */
const namedMax = 16

/** The verbs that append. */
export type AppendVerbs = Pick<EventStore, 'append' | 'appendAll' | 'withTransaction'>

/**
 * The same verbs, each append in a span below the active one. Its events carry the span in their metadata
 * (`traceparent`), so that the trace goes on wherever they are handled.
 */
export function tracedAppends(verbs: AppendVerbs, tracer: Tracer): AppendVerbs {
  return {
    append: (streamId, events, options) =>
      inAppendSpan(tracer, ofStream(streamId, events), () => verbs.append(streamId, events, options)),
    appendAll: (writes, options) => inAppendSpan(tracer, ofStreams(writes), () => verbs.appendAll(writes, options)),
    withTransaction: (client) => {
      const { append, appendAll } = verbs.withTransaction(client)
      return {
        append: (streamId, events, options) =>
          inAppendSpan(tracer, ofStream(streamId, events), () => append(streamId, events, options)),
        appendAll: (writes, options) => inAppendSpan(tracer, ofStreams(writes), () => appendAll(writes, options)),
      }
    },
  }
}

/** What is told of any append's result. */
interface Landed {
  readonly idempotent: boolean
  readonly position?: number
}

function inAppendSpan<Result extends Landed>(
  tracer: Tracer,
  attributes: SpanAttributes,
  append: () => Promise<Result>,
): Promise<Result> {
  const correlationId = correlationInForce()
  const start = {
    kind: spanKinds.producer,
    attributes: { ...attributes, ...(correlationId !== undefined && { 'varve.correlation_id': correlationId }) },
  }
  return inSpan(tracer, 'varve.append', start, async (span) => {
    const traceparent = traceparentOf(span.spanContext())
    const appended = await (traceparent === undefined ? append() : tracedAs(traceparent, append))
    if (appended.position !== undefined) span.setAttribute('varve.position', appended.position)
    span.setAttribute('varve.idempotent', appended.idempotent)
    return appended
  })
}

/** Arguments are not checked yet: anything may have been given. */
function ofStream(streamId: unknown, events: unknown): SpanAttributes {
  return { 'varve.stream': nameOf(streamId), 'varve.events': countOf(events) }
}

function ofStreams(writes: unknown): SpanAttributes {
  const all: readonly unknown[] = Array.isArray(writes) ? writes : []
  const parts = all.map((write) => (write ?? {}) as { readonly streamId?: unknown; readonly events?: unknown })
  return {
    'varve.streams': parts.slice(0, namedMax).map(({ streamId }) => nameOf(streamId)),
    'varve.events': parts.reduce((sum, { events }) => sum + countOf(events), 0),
  }
}

function nameOf(streamId: unknown): string {
  return typeof streamId === 'string' ? streamId : typeof streamId
}

function countOf(events: unknown): number {
  return Array.isArray(events) ? events.length : 0
}
