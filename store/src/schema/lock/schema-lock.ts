/**
 * A file beside the code that says what every schema version of every event type looks like, so that a change which
 * events of the past would not survive is found before it is released.
 */
import { InvalidArgument } from '../../model/errors.ts'
import type { EventDefinition, EventDefinitions } from '../../model/event-definition.ts'
import { isPosition } from '../../model/position.ts'
import type { StandardSchema } from '../../model/standard-schema.ts'
import type { Narrowing } from './comparison.ts'
import { isJsonSchema, type JsonSchema, meaning } from './json-schema.ts'
import { narrowings } from './narrowing.ts'
import { isPersonalLocked, personalChanges, personalLocked } from './personal.ts'
import { stable } from './stable.ts'
import { standardJsonSchema } from './standard-json-schema.ts'
import { uncompared } from './uncompared.ts'

/** The form of the lock file. */
export const schemaLockFormat = 1

/** What the lock file holds. Versions of the past stay for ever. */
export interface SchemaLock {
  readonly format: number
  /** By event type, then by schema version; null for a payload that only the compiler knows. */
  readonly events: Readonly<Record<string, Readonly<Record<string, JsonSchema | null>>>>
  /** By event type and schema version, the fields that are marked as personal data. Absent when none is. */
  readonly personal?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/** Turns a validator into the JSON Schema of what is stored; throws where it cannot be written as one. */
export type ToJsonSchema = (schema: StandardSchema) => JsonSchema

/** One thing that `checkSchemas` found. */
export interface SchemaFinding {
  readonly kind:
    | Narrowing['kind']
    | 'not_locked'
    | 'outdated_lock'
    | 'missing_type'
    | 'missing_upcaster'
    | 'version_lowered'
    | 'schema_removed'
    | 'personal_removed'
    | 'not_described'
    | 'compiler_only'
    | 'code_only'
  /** A note refuses nothing. */
  readonly severity: 'refused' | 'note'
  readonly eventType: string
  readonly schemaVersion: number
  /** Where in the payload; `$` for all of it. */
  readonly path: string
  /** What changed, in words. */
  readonly says: string
  /** What to do about it. */
  readonly advice: string
}

/**
 * Compares definitions with the lock: refused is whatever events that are stored would not survive, a field that is no
 * longer marked as personal, and whatever the lock does not know yet. Where two schemas cannot be compared that is refused too.
 *
 * @example
 * const lock = lockSchemas(defineEvents({ OrderPlaced: z.object({ totalCents: z.int() }) }))
 * const findings = checkSchemas(defineEvents({ OrderPlaced: z.object({ total: z.int() }) }), lock)
 */
export function checkSchemas(
  events: EventDefinitions,
  lock: SchemaLock,
  toJsonSchema: ToJsonSchema = standardJsonSchema,
): readonly SchemaFinding[] {
  const defined = Object.entries(events).flatMap(([type, definition]) =>
    checkType(type, definition, lock, toJsonSchema),
  )
  const missing = Object.entries(lock.events)
    .filter(([type]) => !Object.hasOwn(events, type))
    .map(([type, versions]): SchemaFinding => {
      const advice = `Define it again, or keep it as retired({ into: […], upcast }), so that stored events can be read.`
      return finding('missing_type', type, newest(versions), 'the event type is not defined any more', advice)
    })
  return [...defined, ...missing]
}

/**
 * The lock with today's definitions in it. Versions of the past stay as they are; so does a version that is locked, unless
 * the definition accepts everything it accepted.
 *
 * @throws INVALID_ARGUMENT for a change that `checkSchemas` refuses: raise the version, or remove the version from the file
 *   while nothing in that version has been stored.
 */
export function lockSchemas(
  events: EventDefinitions,
  before: SchemaLock = { format: schemaLockFormat, events: {} },
  toJsonSchema: ToJsonSchema = standardJsonSchema,
): SchemaLock {
  const refused = checkSchemas(events, before, toJsonSchema).find(
    ({ severity, kind }) => severity === 'refused' && !settledByLocking.has(kind),
  )
  if (refused !== undefined) {
    const { eventType, schemaVersion, path, says, advice } = refused
    throw new InvalidArgument(`events.${eventType}`, `in version ${schemaVersion}, ${path}: ${says}. ${advice}`)
  }
  const locked = new Map(Object.entries(before.events))
  for (const [type, definition] of Object.entries(events)) {
    if (definition.retired !== undefined) continue
    const schema = describe(definition, toJsonSchema)
    locked.set(type, { ...locked.get(type), [definition.version]: 'problem' in schema ? null : schema.json })
  }
  const personal = personalLocked(events, before.personal)
  return { format: schemaLockFormat, events: inOrder(locked), ...(personal && { personal }) }
}

const settledByLocking: ReadonlySet<string> = new Set(['not_locked', 'outdated_lock'])

/** The lock as it is written: in order of types and versions, one keyword a line, so that a change is a small diff. */
export function schemaLockText(lock: SchemaLock): string {
  return `${JSON.stringify(lock, undefined, 2)}\n`
}

/**
 * The lock in a file's text.
 *
 * @throws INVALID_ARGUMENT when it is none, or of a newer form.
 */
export function schemaLockFrom(text: string): SchemaLock {
  let value: Partial<SchemaLock> | null
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new InvalidArgument('lock', `is no JSON: ${(cause as Error).message}`)
  }
  const { format, events, personal } = value ?? {}
  if (format !== schemaLockFormat)
    throw new InvalidArgument('lock', `is of form ${String(format)}; known is ${schemaLockFormat}`)
  if (typeof events !== 'object' || events === null || Array.isArray(events))
    throw new InvalidArgument('lock', 'has no events')
  for (const [type, versions] of Object.entries(events)) {
    const isRight = Object.entries(versions ?? { none: null }).every(
      ([version, schema]) => /^[1-9]\d*$/.test(version) && isPosition(Number(version)) && isLocked(schema),
    )
    if (!isRight || typeof versions !== 'object' || Array.isArray(versions))
      throw new InvalidArgument('lock', `has no schemas by version for ${JSON.stringify(type)}`)
  }
  if (!isPersonalLocked(personal)) throw new InvalidArgument('lock', 'has no fields by version for what is personal')
  return { format, events, ...(personal && { personal }) }
}

function isLocked(schema: unknown): schema is JsonSchema | null {
  return schema === null || isJsonSchema(schema)
}

function checkType(
  type: string,
  definition: EventDefinition,
  lock: SchemaLock,
  toJsonSchema: ToJsonSchema,
): readonly SchemaFinding[] {
  const { version, retired, upcast } = definition
  if (retired !== undefined) return []
  const versions = Object.hasOwn(lock.events, type) ? (lock.events[type] ?? {}) : {}
  const about = (kind: SchemaFinding['kind'], says: string, advice: string, path = '$'): SchemaFinding =>
    finding(kind, type, version, says, advice, path)
  if (newest(versions) > version) {
    const says = `version ${newest(versions)} is locked, and the definition is at ${version}`
    return [about('version_lowered', says, 'Versions only rise: define the newest one.')]
  }
  const steps = Object.keys(versions)
    .map(Number)
    .filter((from) => from < version && upcast?.[from] === undefined)
  const missing = steps.map((from) =>
    about(
      'missing_upcaster',
      `no upcaster leads up from version ${from}`,
      `Add upcast: { ${from}: (data) => … } to the definition.`,
    ),
  )
  const described = describe(definition, toJsonSchema)
  if ('problem' in described) {
    const advice =
      'Define what is stored in what JSON has, and transform where you read; or keep such events out of the lock: ' +
      'define them with event<Data>() or in a module of their own.'
    return [...missing, about('not_described', `the schema cannot be described: ${described.problem}`, advice)]
  }
  const changes = personalChanges({
    definition,
    schema: described.json,
    versions: Object.keys(versions).map(Number),
    personal: (Object.hasOwn(lock.personal ?? {}, type) ? lock.personal?.[type] : undefined) ?? {},
  })
  const personal = changes.map((one): SchemaFinding => ({ eventType: type, schemaVersion: version, ...one }))
  const locked = versions[version]
  if (locked === undefined) {
    const notLocked = about(
      'not_locked',
      `version ${version} is not in the lock`,
      "Run 'varve schema lock' and commit the file.",
    )
    return [...missing, ...personal, notLocked]
  }
  const inCode = uncompared(described.json).map((path) =>
    about('code_only', 'a check in code is not compared', 'When it changes, see to it that stored events pass.', path),
  )
  return [...missing, ...checkVersion(locked, described.json, version, about), ...personal, ...inCode]
}

function checkVersion(
  locked: JsonSchema | null,
  now: JsonSchema | null,
  version: number,
  about: (kind: SchemaFinding['kind'], says: string, advice: string, path?: string) => SchemaFinding,
): readonly SchemaFinding[] {
  if (now === null) {
    if (locked === null)
      return [
        about('compiler_only', 'the payload is known to the compiler only', 'Give a validator to have it compared.'),
      ]
    return [
      about('schema_removed', 'the lock has a schema, and the definition has none any more', 'Keep the validator.'),
    ]
  }
  if (locked === null) {
    const advice = "Run 'varve schema lock' once you know that stored events fit."
    return [
      about('outdated_lock', 'there is a schema now; until now the payload was known to the compiler only', advice),
    ]
  }
  const raise = `Leave version ${version} as it is: raise the version to ${version + 1} and add upcast: { ${version}: (data) => … }.`
  const changes = narrowings(locked, now).map(({ kind, path, says }) => about(kind, says, raise, path))
  // Where both accept the same, the lock is as good as a new one: alternatives may be listed otherwise.
  if (changes.length > 0 || isSame(locked, now) || narrowings(now, locked).length === 0) return changes
  return [
    about(
      'outdated_lock',
      'the schema accepts more than the lock says',
      "Run 'varve schema lock' and commit the file.",
    ),
  ]
}

function describe(
  { schema }: EventDefinition,
  toJsonSchema: ToJsonSchema,
): { readonly json: JsonSchema | null } | { readonly problem: string } {
  if (schema === undefined) return { json: null }
  try {
    return { json: stable(toJsonSchema(schema)) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

function finding(
  kind: SchemaFinding['kind'],
  eventType: string,
  schemaVersion: number,
  says: string,
  advice: string,
  path = '$',
): SchemaFinding {
  const severity = kind === 'compiler_only' || kind === 'code_only' ? 'note' : 'refused'
  return { kind, severity, eventType, schemaVersion, path, says, advice }
}

function newest(versions: Readonly<Record<string, unknown>>): number {
  return Math.max(0, ...Object.keys(versions).map(Number))
}

function isSame(left: JsonSchema, right: JsonSchema): boolean {
  return JSON.stringify(meaning(left)) === JSON.stringify(meaning(right))
}

function inOrder(events: ReadonlyMap<string, SchemaLock['events'][string]>): SchemaLock['events'] {
  // Numbers as keys are in order of themselves already.
  return Object.fromEntries([...events].sort(([left], [right]) => (left < right ? -1 : 1)))
}
