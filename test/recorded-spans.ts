import { context, type Tracer } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach } from 'vitest'

/** A tracer of OpenTelemetry whose spans a test can look at, from the beginning of each test on. */
export interface RecordedSpans {
  readonly tracer: Tracer
  /** Those that have ended, in that order; of a name, or all. */
  spans(name?: string): readonly ReadableSpan[]
  forget(): void
}

/** Records spans in a test file, with contexts that follow asynchronous calls. */
export function recordedSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  })
  afterAll(() => context.disable())
  beforeEach(() => exporter.reset())
  return {
    tracer: provider.getTracer('test'),
    spans: (name) => exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name),
    forget: () => exporter.reset(),
  }
}
