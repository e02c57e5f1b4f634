import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type {
  DefinedEvents,
  EventDefinition,
  GivenDefinition,
  Retirement,
  Upcasters,
  WithSchemas,
} from '../model/event-definition.ts'
import type { StoredForm } from '../model/json-form.ts'
import { fieldsOf, refuseUnknownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { type AnyPersonalFields, checkedPersonalData, type PersonalData } from '../model/personal-data.ts'
import { isPosition } from '../model/position.ts'
import { isStandardSchema } from '../model/standard-schema.ts'
import { checkWhole } from '../model/whole-number.ts'

const definitionFields = fieldsOf<EventDefinition>({
  version: true,
  schema: true,
  upcast: true,
  personal: true,
  retired: true,
  '~types': true,
})
const eventFields = fieldsOf<EventOptions>({ version: true, upcast: true, personal: true })

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
export function defineEvents<const Given extends Readonly<Record<string, GivenDefinition>>, Schemas>(
  given: Given & WithSchemas<Schemas>,
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
export function event<Data>(options: EventOptions<StoredForm<Data>> = {}): EventDefinition<Data, StoredForm<Data>> {
  refuseUnknownOptions(options, eventFields, 'event')
  const { version = 1, upcast, personal } = options
  return { version, schema: undefined, upcast, ...(personal !== undefined && { personal: listOf(personal) }) }
}

function listOf<Stored>(personal: PersonalData<Stored>): readonly AnyPersonalFields[] {
  return (Array.isArray(personal) ? personal : [personal]) as readonly AnyPersonalFields[]
}

/** Options of {@link event}. */
export interface EventOptions<Stored = unknown> {
  /** Version of the payload's shape. Default 1. */
  readonly version?: number | undefined
  /** Steps up from older versions. Default: none. */
  readonly upcast?: Upcasters | undefined
  /** Which fields are personal data, and of whom. Default: none. */
  readonly personal?: PersonalData<Stored> | undefined
}

/**
 * Says what became of an event type that is no longer appended: renamed, split into several, or of no interest any more.
 * What is stored stays; it is read as the events that `upcast` makes of it.
 *
 * @example
 * const orderEvents = defineEvents({
 *   OrderPlaced: event<{ totalCents: number }>(),
 *   OrderCreated: retired<{ total: number }>({
 *     into: ['OrderPlaced'],
 *     upcast: ({ data }) => [{ type: 'OrderPlaced', data: { totalCents: data.total * 100 } }],
 *   }),
 * })
 */
export function retired<Data = unknown>(retirement: Retirement<Data>): EventDefinition<never, never> {
  return { version: 1, schema: undefined, retired: retirement }
}

function normal(type: string, given: GivenDefinition): EventDefinition {
  if (isStandardSchema(given)) return { version: 1, schema: given }
  const { schema, version = 1, upcast, personal, retired: retirement } = (given ?? {}) as Partial<EventDefinition>
  if (retirement !== undefined) return { version, schema: undefined, retired: checkedRetirement(type, retirement) }
  // `event()` is the one definition whose schema is there and undefined: without it a misspelt key would pass as one.
  const isTypeOnly = typeof given === 'object' && given !== null && 'schema' in given && schema === undefined
  if (!isTypeOnly && !isStandardSchema(schema)) {
    throw new InvalidArgument(
      `events.${type}`,
      'is no definition: give a Standard Schema validator (zod, valibot, arktype…), { schema, version }, or event<Data>()',
    )
  }
  refuseUnknownFields(given, definitionFields, `events.${type}`)
  checkWhole(`events.${type}.version`, version, 1)
  return {
    version,
    schema,
    ...(upcast !== undefined && { upcast: checkedUpcasters(type, version, upcast) }),
    ...(personal !== undefined && { personal: checkedPersonalData(type, personal) }),
  }
}

/** A chain has every step from its first version to the one before today's: a missing one would be found in production. */
function checkedUpcasters(type: string, version: number, upcast: Upcasters): Upcasters {
  const at = `events.${type}.upcast`
  if (typeof upcast !== 'object' || upcast === null) throw new InvalidArgument(at, 'is no object of steps by version')
  const from = Object.keys(upcast).map(Number)
  for (const [step, upcaster] of Object.entries(upcast)) {
    if (typeof upcaster !== 'function') throw new InvalidArgument(`${at}[${step}]`, 'is not a function')
  }
  const outside = from.find((step) => !isPosition(step) || step < 1 || step >= version)
  if (outside !== undefined) {
    throw new InvalidArgument(`${at}[${outside}]`, `leads from no version below ${version}, the one that is defined`)
  }
  for (let step = Math.min(...from); step < version; step++) {
    if (upcast[step] === undefined) throw new InvalidArgument(at, `has no step from version ${step} to ${step + 1}`)
  }
  return upcast
}

function checkedRetirement(type: string, retirement: Retirement): Retirement {
  const at = `events.${type}.retired`
  if (!Array.isArray(retirement?.into)) throw new InvalidArgument(`${at}.into`, 'is not a list of event types')
  if (typeof retirement.upcast !== 'function') throw new InvalidArgument(`${at}.upcast`, 'is not a function')
  return retirement
}

function checkedType(type: string): string {
  if (type === '' || !type.isWellFormed()) throw new InvalidArgument('events', 'has an event type that is no name')
  if (type.length > limits.eventTypeChars) throw new LimitExceeded('eventTypeChars', type.length)
  return type
}
