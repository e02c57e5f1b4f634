/**
 * Personal data in events: which fields of a payload it is, and of whom. The types and the check of a definition; what
 * seals and opens the fields is `erasure/`.
 */

import { InvalidArgument } from './errors.ts'
import { fieldsOf, refuseUnknownFields } from './known-fields.ts'

const personalFields = fieldsOf<AnyPersonalFields>({ subject: true, fields: true })

/** Fields of a payload that are about one person, the subject. */
export interface PersonalFields<Stored = unknown> {
  /**
   * Whose the fields are: an id of yours, given the payload as it would be stored. The key that the fields are sealed
   * with belongs to it. Choose one that says nothing by itself, such as a random customer id.
   */
  readonly subject: (data: Stored) => string
  /**
   * By field, what is read in its place once the subject is forgotten; undefined leaves an optional field out. Fields are
   * keys of the payload's top level. A placeholder is stored with the event, so a later one is for later events.
   */
  readonly fields: { readonly [Field in keyof Stored]?: PlaceholderOf<Stored, Field> }
}

/** What may stand for a field: what could be stored there. */
type PlaceholderOf<Stored, Field extends keyof Stored> =
  | Stored[Field]
  | (Partial<Pick<Stored, Field>> extends Pick<Stored, Field> ? undefined : never)

/** The personal data of an event: of one subject, or of several. */
export type PersonalData<Stored = unknown> = PersonalFields<Stored> | readonly PersonalFields<Stored>[]

/** What is known of {@link PersonalFields} when the payload's type is not. */
export interface AnyPersonalFields {
  /** A method, which may ask for the payload of its own event: it is given no other. */
  subject(data: unknown): string
  readonly fields: Readonly<Record<string, unknown>>
}

/** The key of a stored payload under which the sealed fields lie. */
export const sealedKey = '$personal'

/**
 * What a definition says about personal data, as a list.
 *
 * @throws INVALID_ARGUMENT when a field is named twice or not at all, or a placeholder could not be stored.
 */
export function checkedPersonalData(type: string, given: PersonalData): readonly AnyPersonalFields[] {
  const at = `events.${type}.personal`
  const list: readonly AnyPersonalFields[] = Array.isArray(given) ? given : [given]
  if (list.length === 0) throw new InvalidArgument(at, 'is an empty list: leave it out when nothing is personal')
  const seen = new Set<string>()
  for (const [index, one] of list.entries()) {
    const here = Array.isArray(given) ? `${at}[${index}]` : at
    if (typeof one === 'object' && one !== null) refuseUnknownFields(one, personalFields, here)
    if (typeof one?.subject !== 'function') {
      throw new InvalidArgument(`${here}.subject`, 'is not a function that gives the id of the subject')
    }
    for (const field of checkedFields(one.fields, here)) {
      if (seen.has(field)) throw new InvalidArgument(`${here}.fields.${field}`, 'is of another subject already')
      seen.add(field)
    }
  }
  // The same list again, so that definitions which are spread into others stay the same to whoever compares.
  return Array.isArray(given) ? given : list
}

function checkedFields(fields: unknown, at: string): readonly string[] {
  if (typeof fields !== 'object' || fields === null || Object.keys(fields).length === 0) {
    throw new InvalidArgument(`${at}.fields`, "names no field: give placeholders by field, as in { name: '[erased]' }")
  }
  for (const [field, placeholder] of Object.entries(fields)) {
    if (field === sealedKey) throw new InvalidArgument(`${at}.fields.${field}`, 'is where sealed fields are kept')
    if (placeholder !== undefined && jsonOf(placeholder) === undefined) {
      throw new InvalidArgument(`${at}.fields.${field}`, 'has no JSON form, so it could not be stored as a placeholder')
    }
  }
  return Object.keys(fields)
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
