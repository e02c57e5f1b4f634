import type { SpanAttributes, SpanLink, SpanPlace } from './tracer.ts'

/** Spans that one span is linked to, at the most: what OpenTelemetry keeps unless told otherwise. */
const linksMax = 128

/** A span as a `traceparent` (W3C Trace Context, section 3.2). Undefined for the span of a tracer that does nothing. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanPlace): string | undefined {
  const text = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  return placeFrom(text) === undefined ? undefined : text
}

/** The span that a `traceparent` names. Undefined for what is none: anybody may have written it. */
export function placeFrom(traceparent: unknown): SpanPlace | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, version = '', traceId = '', spanId = '', flags = '', rest = ''] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(traceparent) ?? []
  const isOfLaterVersion = version !== '00' && version !== 'ff'
  if (version === '' || !(isOfLaterVersion || (version === '00' && rest === ''))) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

/** Something that may come from a span. */
export interface FromSpan {
  readonly traceparent: unknown
  readonly attributes?: SpanAttributes
}

/** Links to the spans that some things come from, each once. */
export function linksTo(things: Iterable<FromSpan>): readonly SpanLink[] {
  const links = new Map<string, SpanLink>()
  for (const { traceparent, ...more } of things) {
    if (links.size >= linksMax) break
    const context = placeFrom(traceparent)
    if (context !== undefined) links.set(`${context.traceId}-${context.spanId}`, { context, ...more })
  }
  return [...links.values()]
}
