import { AsyncLocalStorage } from 'node:async_hooks'
import { onlyGiven } from '../model/complete.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { NewEventMetadata, RecordedEvent } from '../model/event.ts'
import { fieldsOf, refuseMisspeltFields } from '../model/known-fields.ts'

const causationFields = fieldsOf<Causation>({ correlationId: true, causationId: true, userId: true })

/** The ids that appends inherit when they give none themselves. */
export interface Causation {
  /** One id for a whole business transaction, from request to last consequence. */
  readonly correlationId?: string | undefined
  /** The event that caused what is appended. */
  readonly causationId?: string | undefined
  readonly userId?: string | undefined
}

/** With the span of an append, where there is a tracer. */
const inForce = new AsyncLocalStorage<(Causation & { readonly traceparent?: string }) | undefined>()

/**
 * Runs `run`, and gives every event it appends these ids, unless the event has its own. Inner calls add to outer ones.
 *
 * @throws INVALID_ARGUMENT when the ids are not given as an object.
 * @example
 * await correlate({ correlationId: requestId, userId }, () => store.append('Order-7', [placed]))
 */
export function correlate<Result>(causation: Causation, run: () => Result): Result {
  // A text would be spread, and each of its letters become a key of the metadata.
  if (typeof causation !== 'object') {
    throw new InvalidArgument('causation', 'is no object of ids, as in { correlationId }')
  }
  if (causation !== null) refuseMisspeltFields(causation, causationFields, 'causation')
  return inForce.run({ ...inForce.getStore(), ...onlyGiven(causation ?? {}) }, run)
}

/**
 * Runs `run` as a consequence of an event: what it appends carries the event's correlation id, and the event's id as
 * its causation id. An event without a correlation id becomes the root of one.
 *
 * @example
 * for await (const event of store.subscribe()) await causedBy(event, () => handle(event))
 */
export function causedBy<Result>(event: RecordedEvent, run: () => Result): Result {
  const { correlationId = event.id, userId } = event.metadata
  return correlate({ correlationId, causationId: event.id, ...(userId !== undefined && { userId }) }, run)
}

/** Runs `run`, and gives every event it appends this span, unless the event has its own. */
export function tracedAs<Result>(traceparent: string, run: () => Result): Result {
  return inForce.run({ ...inForce.getStore(), traceparent }, run)
}

/** `run` with the ids that are in force here, wherever it is called. */
export function asCausedHere<Result>(run: () => Result): () => Result {
  const here = inForce.getStore()
  return () => inForce.run(here, run)
}

/** The correlation id that appends inherit now. */
export function correlationInForce(): string | undefined {
  return inForce.getStore()?.correlationId
}

/** Metadata with the ids in force filled in where it has none. */
export function withCausation(metadata: NewEventMetadata | undefined): NewEventMetadata | undefined {
  const causation = inForce.getStore()
  return causation === undefined ? metadata : { ...causation, ...(metadata && onlyGiven(metadata)) }
}

/** Runs `run` with no ids in force: for appends whose events have those of several callers already. */
export function uncaused<Result>(run: () => Result): Result {
  return inForce.run(undefined, run)
}
