import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { SpanStart, Tracer, TracerSpan } from '../model/tracer.ts'

/**
 * Refuses what is no tracer; undefined is none.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkTracer(tracer: unknown): void {
  if (tracer === undefined) return
  if (typeof (tracer as Partial<Tracer> | null)?.startActiveSpan === 'function') return
  throw new InvalidArgument('tracer', "is no tracer of OpenTelemetry: give what trace.getTracer('…') returns")
}

/** OpenTelemetry's `SpanStatusCode.ERROR`. */
const statusError = 2

/** Runs work in a span, which ends with it and tells how it ended. */
export function inSpan<Result>(
  tracer: Tracer,
  name: string,
  start: SpanStart,
  work: (span: TracerSpan) => Promise<Result>,
): Promise<Result> {
  return tracer.startActiveSpan(name, start, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      markFailed(span, error)
      throw error
    } finally {
      span.end()
    }
  })
}

/** Says in a span that its work was not done, where no error says why. */
export function markUndone(span: TracerSpan, why: string): void {
  span.setStatus({ code: statusError, message: why })
}

/** Says in a span what went wrong, with the code that errors are told apart by. */
export function markFailed(span: TracerSpan, error: unknown): void {
  span.setAttribute('error.type', isVarveError(error) ? error.code : error instanceof Error ? error.name : typeof error)
  span.recordException(error instanceof Error ? error : String(error))
  span.setStatus({ code: statusError, message: error instanceof Error ? error.message : String(error) })
}
