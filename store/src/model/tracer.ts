/**
 * The part of a tracer of OpenTelemetry that Varve uses: what `trace.getTracer('shop')` of `@opentelemetry/api` gives is
 * one. Varve does not depend on that package.
 */
export interface Tracer {
  /** Runs something in a new span, which is the active one meanwhile. */
  startActiveSpan<Result>(name: string, start: SpanStart, run: (span: TracerSpan) => Result): Result
}

/** What a span begins with. */
export interface SpanStart {
  /** The number of a `SpanKind`. */
  readonly kind?: number
  /** True: begins a trace of its own, whatever span is active. */
  readonly root?: boolean
  readonly attributes?: SpanAttributes
  readonly links?: readonly SpanLink[]
}

/** What a span tells. */
export type SpanAttributes = Readonly<Record<string, unknown>>

/** A span of another trace that a span has to do with. */
export interface SpanLink {
  readonly context: SpanPlace
  readonly attributes?: SpanAttributes
}

/** Which span it is, in all processes. */
export interface SpanPlace {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string
  /** 1 where the trace is recorded. */
  readonly traceFlags: number
  readonly isRemote?: boolean
}

/** A span under way. */
export interface TracerSpan {
  spanContext(): SpanPlace
  setAttribute(name: string, value: string | number | boolean): unknown
  recordException(error: Error | string): void
  setStatus(status: { readonly code: number; readonly message?: string }): unknown
  end(): void
}

/** The kinds of spans, by the numbers of OpenTelemetry's `SpanKind`. */
export const spanKinds = { client: 2, producer: 3, consumer: 4 } as const
