import { inSpan } from '../engine/span.ts'
import type { EventStore } from '../event-store.ts'
import type { EventMetadata } from '../model/event.ts'
import { linksTo, traceparentOf } from '../model/traceparent.ts'
import { type SpanStart, spanKinds, type Tracer } from '../model/tracer.ts'
import { correlationInForce, tracedAs } from './causation.ts'

/** Streams of an append to many that its span names. */
const namedMax = 16

/** The verbs that append. */
export type AppendVerbs = Pick<EventStore, 'append' | 'appendAll' | 'withTransaction'>

/**
 * The same verbs, each append in a span below the active one. Its events carry the span in their metadata
 * (`traceparent`), so that the trace goes on wherever they are handled. Events that carry one already keep it, as those of
 * commands do; where it is that of several commands that share an append, the append is a trace of its own, linked to theirs.
 */
export function tracedAppends(verbs: AppendVerbs, tracer: Tracer): AppendVerbs {
  const inSpanOf = appendSpans(tracer)
  return {
    append: (streamId, events, options) =>
      inSpanOf([{ streamId, events }], () => verbs.append(streamId, events, options)),
    appendAll: (writes, options) => inSpanOf(writes, () => verbs.appendAll(writes, options)),
    withTransaction: (client) => {
      const { append, appendAll } = verbs.withTransaction(client)
      return {
        append: (streamId, events, options) =>
          inSpanOf([{ streamId, events }], () => append(streamId, events, options)),
        appendAll: (writes, options) => inSpanOf(writes, () => appendAll(writes, options)),
      }
    },
  }
}

/** What is told of any append's result. */
interface Told {
  readonly idempotent: boolean
  readonly position?: number
}

function appendSpans(
  tracer: Tracer,
): <Result extends Told>(writes: unknown, append: () => Promise<Result>) => Promise<Result> {
  return (writes, append) =>
    inSpan(tracer, 'varve.append', startOf(writes), async (span) => {
      const traceparent = traceparentOf(span.spanContext())
      const appended = await (traceparent === undefined ? append() : tracedAs(traceparent, append))
      if (appended.position !== undefined) span.setAttribute('varve.position', appended.position)
      span.setAttribute('varve.idempotent', appended.idempotent)
      return appended
    })
}

/** Arguments are not checked yet: anything may have been given, and the append will say what is wrong with it. */
function startOf(given: unknown): SpanStart {
  const writes = listOf(given)
  const events = writes.flatMap(({ events }) => listOf(events))
  const metadata = events.map((event) => (event.metadata ?? {}) as Partial<EventMetadata>)
  const links = linksTo(metadata.map(({ traceparent }) => ({ traceparent })))
  const correlationId = metadata[0]?.correlationId ?? correlationInForce()
  const [streamId, ...others] = writes.slice(0, namedMax).map(nameOf)
  const attributes = {
    ...(others.length === 0 ? { 'varve.stream': streamId } : { 'varve.streams': [streamId, ...others] }),
    'varve.events': events.length,
    ...(correlationId !== undefined && { 'varve.correlation_id': correlationId }),
  }
  return { kind: spanKinds.producer, attributes, links, root: links.length > 1 }
}

function nameOf({ streamId }: Readonly<Record<string, unknown>>): string {
  return typeof streamId === 'string' ? streamId : typeof streamId
}

function listOf(given: unknown): readonly Readonly<Record<string, unknown>>[] {
  const items: readonly unknown[] = Array.isArray(given) ? given : []
  return items.filter((item) => typeof item === 'object' && item !== null) as Readonly<Record<string, unknown>>[]
}
