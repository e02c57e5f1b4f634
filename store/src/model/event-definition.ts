import type { NewEvent, RecordedEvent } from './event.ts'
import { EventNotDefined, PayloadInvalid } from './event-errors.ts'
import type { StoredForm } from './json-form.ts'
import type { AnyPersonalFields, PersonalData } from './personal-data.ts'
import {
  issuePath,
  type SchemaInput,
  type SchemaOutput,
  type SchemaVerdict,
  type StandardSchema,
} from './standard-schema.ts'

/**
 * What is known about one event type. `Input` is what an append takes, `Stored` what a read gives: they differ where
 * the schema transforms, and where JSON does (a `Date` is read as its ISO string).
 */
export interface EventDefinition<Input = unknown, Stored = unknown> {
  /** Version of the payload's shape, from 1. Stored with every event. */
  readonly version: number
  /** Checks payloads; undefined when the type is a promise of the compiler only. */
  readonly schema: StandardSchema | undefined
  /** By the schema version they begin at: each makes a payload of the next version of one that is stored. */
  readonly upcast?: Upcasters | undefined
  /** Which of its fields are personal data, and of whom. */
  readonly personal?: readonly AnyPersonalFields[] | undefined
  /** There when events of this type are no longer appended, and read as something else. */
  readonly retired?: Retirement | undefined
  /** Carries the types; never there at run time. */
  readonly '~types'?: { readonly input: Input; readonly stored: Stored } | undefined
}

/**
 * Steps from one schema version of a payload to the next, by the version they begin at: `{ 1: toVersion2, 2: toVersion3 }`.
 * They run whenever an old event is read, so they are synchronous and look at nothing but the payload.
 */
export type Upcasters = Readonly<Record<number, Upcaster>>

/**
 * Makes a payload of the next version of one that is stored. No type of today knows what that is, so it says itself what it
 * is given, as in `(old: { total: number }) => ({ totalCents: old.total * 100 })`: the compiler takes its word, as a method's.
 * An upcaster that does not say so gets `unknown`; one that takes it apart at once, as in `({ total }) => …`, gets `any`.
 */
export type Upcaster = Step['upcast']

interface Step {
  upcast(data: unknown): unknown
}

/** What became of an event type; `Data` is what its payload was. */
export interface Retirement<Data = unknown> {
  /** The types its events are read as. */
  readonly into: readonly string[]
  /** Makes events of today, or of other versions and types that lead there, of one that is stored: one, several or none. */
  upcast(event: { readonly schemaVersion: number; readonly data: Data }): readonly SuccessorEvent[]
}

/** What a retired event is read as. */
export interface SuccessorEvent {
  readonly type: string
  /** Default 1. */
  readonly schemaVersion?: number
  readonly data: unknown
}

/** Definitions by event type. */
export type EventDefinitions = Readonly<Record<string, EventDefinition>>

/** What `defineEvents` takes for one event type. */
export type GivenDefinition =
  | StandardSchema
  | EventDefinition
  | {
      /** Any Standard Schema validator. */
      readonly schema: StandardSchema
      /** Version of the payload's shape. Default 1. */
      readonly version?: number | undefined
      /** Steps up from older versions. Default: none; an event in an older version is then refused. */
      readonly upcast?: Upcasters | undefined
      /** Which fields are personal data, and of whom. Default: none. */
      readonly personal?: object | undefined
    }

/** The definitions that `defineEvents` makes of what it is given. */
export type DefinedEvents<Given extends Readonly<Record<string, GivenDefinition>>> = {
  readonly [Type in keyof Given]: DefinitionOf<Given[Type]>
}

/**
 * What `defineEvents` takes, with the schema of each definition known while its personal data is read: `subject` is given
 * the payload that the schema makes, and placeholders are checked against it.
 */
export type WithSchemas<Schemas> = {
  readonly [Type in keyof Schemas]: {
    readonly schema?: Schemas[Type] | undefined
    readonly personal?:
      | (Schemas[Type] extends StandardSchema ? PersonalData<StoredForm<SchemaOutput<Schemas[Type]>>> : object)
      | undefined
  } & { readonly [Other in '~standard' | 'version' | 'upcast' | 'retired' | '~types']?: unknown }
}

type DefinitionOf<Given> = Given extends StandardSchema
  ? FromSchema<Given>
  : Given extends { readonly schema: infer Schema extends StandardSchema }
    ? FromSchema<Schema>
    : Given

type FromSchema<Schema extends StandardSchema> = EventDefinition<SchemaInput<Schema>, StoredForm<SchemaOutput<Schema>>>

/** The payload that an append of this event type takes. */
export type InputOf<Definition extends EventDefinition> = NonNullable<Definition['~types']>['input']

/** The payload of this event type as it is read. */
export type StoredOf<Definition extends EventDefinition> = NonNullable<Definition['~types']>['stored']

/** An event ready to be appended whose definition settles the schema version. */
export interface NewEventOfType<Type extends string, Input> extends Omit<NewEvent<Type, Input>, 'schemaVersion'> {}

/** Type and payload of an event, all that a decision or a fold may look at. */
export interface EventOfType<Type extends string, Stored> {
  readonly type: Type
  readonly data: Stored
}

/** The types that are not retired. */
export type LiveType<Events extends EventDefinitions> = {
  [Type in keyof Events & string]: [InputOf<Events[Type]>] extends [never] ? never : Type
}[keyof Events & string]

/** The union of what may be appended, discriminated by `type`. */
export type NewEventOf<Events extends EventDefinitions> = {
  [Type in LiveType<Events>]: NewEventOfType<Type, InputOf<Events[Type]>>
}[LiveType<Events>]

/** The union of what is read, discriminated by `type`. */
export type RecordedEventOf<Events extends EventDefinitions> = {
  [Type in LiveType<Events>]: RecordedEvent<Type, StoredOf<Events[Type]>>
}[LiveType<Events>]

/** The union of what is folded, discriminated by `type`. A recorded event is one. */
export type EventOf<Events extends EventDefinitions> = {
  [Type in LiveType<Events>]: EventOfType<Type, StoredOf<Events[Type]>>
}[LiveType<Events>]

/** The definition of an event type, undefined when there is none. */
export function definitionOf(events: EventDefinitions, type: string): EventDefinition | undefined {
  // Own properties only: an event may well be of type `constructor`.
  return Object.hasOwn(events, type) ? events[type] : undefined
}

/**
 * Promises the compiler that a recorded event is one of the definitions, and keeps the promise.
 *
 * @throws EVENT_NOT_DEFINED when its type, or its schema version, is another.
 */
export function assertDefined<Events extends EventDefinitions>(
  events: Events,
  event: RecordedEvent,
): asserts event is RecordedEventOf<Events> {
  const version = definitionOf(events, event.type)?.version
  if (version !== event.schemaVersion) throw new EventNotDefined(event, version)
}

/**
 * The payload that a schema accepted.
 *
 * @throws PAYLOAD_INVALID when it found something; `at` says which event it is.
 */
export function acceptedData(verdict: SchemaVerdict<unknown>, eventType: string, at: string): unknown {
  if (verdict.issues === undefined) return verdict.value
  const issues = verdict.issues.map((issue) => ({ path: issuePath(issue), message: issue.message }))
  throw new PayloadInvalid(eventType, issues, at)
}
