import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { DefinedEvents, EventDefinition, GivenDefinition } from '../model/event-definition.ts'
import type { StoredForm } from '../model/json-form.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { isStandardSchema, type StandardSchema } from '../model/standard-schema.ts'

/**
 * Defines events once, for every place that appends, reads, folds or projects them. Each is given as a validator of
 * any library that speaks Standard Schema, as a validator with a version, or as a bare type by {@link event}.
 *
 * What is returned is a plain object: spread several into one to handle the events of several categories.
 *
 * @throws INVALID_ARGUMENT naming the event type whose definition is none.
 * @example
 * const orderEvents = defineEvents({
 *   OrderPlaced: z.object({ customerId: z.string(), totalCents: z.int() }),
 *   OrderPaid: { schema: z.object({ amountCents: z.int(), currency: z.string() }), version: 2 },
 *   OrderCancelled: event<{ reason: string }>(),
 * })
 */
export function defineEvents<const Given extends Readonly<Record<string, GivenDefinition>>>(
  given: Given,
): DefinedEvents<Given> {
  const defined = Object.entries(given).map(
    ([type, definition]) => [checkedType(type), normal(type, definition)] as const,
  )
  if (defined.length === 0) throw new InvalidArgument('events', 'is empty: define at least one event type')
  return Object.fromEntries(defined) as unknown as DefinedEvents<Given>
}

/**
 * Defines an event by its type alone: the compiler checks it, nothing does at run time.
 *
 * @example
 * const cartEvents = defineEvents({ ItemAdded: event<{ sku: string; quantity: number }>() })
 */
export function event<Data>(options: EventOptions = {}): EventDefinition<Data, StoredForm<Data>> {
  return { version: options.version ?? 1, schema: undefined }
}

/** Options of {@link event}. */
export interface EventOptions {
  /** Version of the payload's shape. Default 1. */
  readonly version?: number
}

function normal(type: string, given: GivenDefinition): EventDefinition {
  if (isStandardSchema(given)) return { version: 1, schema: given }
  const { schema, version = 1 } = (given ?? {}) as { readonly schema?: StandardSchema; readonly version?: number }
  // `event()` is the one definition whose schema is there and undefined: without it a misspelt key would pass as one.
  const isTypeOnly = typeof given === 'object' && given !== null && 'schema' in given && schema === undefined
  if (!isTypeOnly && !isStandardSchema(schema)) {
    throw new InvalidArgument(
      `events.${type}`,
      'is no definition: give a Standard Schema validator (zod, valibot, arktype…), { schema, version }, or event<Data>()',
    )
  }
  if (!isPosition(version) || version === 0) {
    throw new InvalidArgument(`events.${type}.version`, 'is not a whole number from 1 on')
  }
  return { version, schema }
}

function checkedType(type: string): string {
  if (type === '' || !type.isWellFormed()) throw new InvalidArgument('events', 'has an event type that is no name')
  if (type.length > limits.eventTypeChars) throw new LimitExceeded('eventTypeChars', type.length)
  return type
}
