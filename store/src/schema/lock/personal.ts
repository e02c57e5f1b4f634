import type { EventDefinition } from '../../model/event-definition.ts'
import { isPosition } from '../../model/position.ts'
import type { JsonSchema } from './json-schema.ts'

/** By event type and schema version, the fields that are sealed because they are personal data, in alphabetical order. */
export type PersonalFieldsLocked = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** What a change of the marks means for what is stored from now on. */
export interface PersonalChange {
  readonly kind: 'personal_removed' | 'outdated_lock'
  readonly severity: 'refused' | 'note'
  readonly path: string
  readonly says: string
  readonly advice: string
}

/** A definition, and what the lock says of its event type. */
export interface LockedType {
  readonly definition: EventDefinition
  /** The schema of the definition, as far as it is known. */
  readonly schema: JsonSchema | null
  /** The versions that are locked. */
  readonly versions: readonly number[]
  /** Of these, the personal fields. */
  readonly personal: Readonly<Record<string, readonly string[]>>
}

/** The fields that a definition marks as personal, of whomever, in alphabetical order. */
export function personalFieldsOf({ personal = [] }: EventDefinition): readonly string[] {
  return personal.flatMap(({ fields }) => Object.keys(fields)).sort()
}

/**
 * How the marks differ from those of the same version in the lock. A version that is not locked yet is compared with the one
 * before it, which is for people to look at: in a new version a field may well be no personal data any more.
 */
export function personalChanges({ definition, schema, versions, personal }: LockedType): readonly PersonalChange[] {
  const { version } = definition
  const isLocked = versions.includes(version)
  const before = personal[isLocked ? version : Math.max(0, ...versions)] ?? []
  const now = personalFieldsOf(definition)
  const removed = before.filter((field) => !now.includes(field) && (isLocked || mayHave(schema, field)))
  const added = isLocked ? now.filter((field) => !before.includes(field)) : []
  return [
    ...removed.map((field): PersonalChange => {
      const advice = isLocked
        ? `Mark it again. If it is no personal data any more, raise the version to ${version + 1}, which shows what is stored in which way.`
        : 'Mark it again, unless it is no personal data any more.'
      const says =
        'the field is not marked as personal any more: it would be stored in the clear, where no forget reaches it'
      return { kind: 'personal_removed', severity: isLocked ? 'refused' : 'note', path: `$.${field}`, says, advice }
    }),
    ...added.map((field): PersonalChange => {
      const says =
        'the field is marked as personal, and in the lock it is not: what was stored before lies in the clear'
      const advice = "Run 'varve schema lock' and commit the file."
      return { kind: 'outdated_lock', severity: 'refused', path: `$.${field}`, says, advice }
    }),
  ]
}

/** Fields that no schema names are taken to be there: only the compiler knows. */
function mayHave(schema: JsonSchema | null, field: string): boolean {
  if (typeof schema !== 'object' || schema === null) return true
  const { properties } = schema
  return typeof properties !== 'object' || properties === null || Object.hasOwn(properties, field)
}

/** The personal fields of a lock with today's definitions in it; undefined when nothing is personal in any version. */
export function personalLocked(
  events: Readonly<Record<string, EventDefinition>>,
  before: PersonalFieldsLocked = {},
): PersonalFieldsLocked | undefined {
  const locked = new Map(Object.entries(before))
  for (const [type, definition] of Object.entries(events)) {
    const fields = personalFieldsOf(definition)
    if (definition.retired !== undefined) continue
    const { [definition.version]: _, ...others } = locked.get(type) ?? {}
    const versions = fields.length === 0 ? others : { ...others, [definition.version]: fields }
    if (Object.keys(versions).length === 0) locked.delete(type)
    else locked.set(type, versions)
  }
  if (locked.size === 0) return undefined
  return Object.fromEntries([...locked].sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** Whether a part of a lock file says which fields are personal. */
export function isPersonalLocked(value: unknown): value is PersonalFieldsLocked | undefined {
  if (value === undefined) return true
  return (
    isRecord(value) &&
    Object.values(value).every(
      (versions) =>
        isRecord(versions) &&
        Object.entries(versions).every(
          ([version, fields]) => isPosition(Number(version)) && Array.isArray(fields) && fields.every(isText),
        ),
    )
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
