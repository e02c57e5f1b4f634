import { inSpan } from '../engine/span.ts'
import { traceparentOf } from '../model/traceparent.ts'
import type { Tracer } from '../model/tracer.ts'
import { correlationInForce, tracedAs } from '../streams/causation.ts'
import type { ExecuteOptions } from './execute-options.ts'

/** What is told of a command that was executed. */
interface Told {
  readonly version: number
  readonly attempts: number
  readonly idempotent: boolean
  readonly events: readonly unknown[]
}

/**
 * Executes a command in a span below the active one, and gives it to the events that are decided on: they may be appended
 * together with those of other commands, in other traces.
 */
export function inCommandSpan<Result extends Told>(
  tracer: Tracer,
  { streamId }: { readonly streamId: string },
  { commandId, metadata }: ExecuteOptions,
  execute: () => Promise<Result>,
): Promise<Result> {
  const correlationId = metadata?.correlationId ?? correlationInForce()
  const attributes = {
    'varve.stream': streamId,
    ...(commandId !== undefined && { 'varve.command_id': commandId }),
    ...(correlationId !== undefined && { 'varve.correlation_id': correlationId }),
  }
  return inSpan(tracer, 'varve.execute', { attributes }, async (span) => {
    const traceparent = traceparentOf(span.spanContext())
    const executed = await (traceparent === undefined ? execute() : tracedAs(traceparent, execute))
    span.setAttribute('varve.version', executed.version)
    span.setAttribute('varve.events', executed.events.length)
    span.setAttribute('varve.attempts', executed.attempts)
    span.setAttribute('varve.idempotent', executed.idempotent)
    return executed
  })
}
