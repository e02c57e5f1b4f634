import { InvalidArgument } from './errors.ts'

/** The names that the fields of an object of a caller's may have. */
export type KnownFields = ReadonlySet<string>

/**
 * The fields of a type, written down once more for those who call without it: from plain JavaScript, or with an object whose
 * type was widened. The compiler refuses a list that lacks one, or has one too many.
 */
export function fieldsOf<Given extends object>(names: Readonly<Record<keyof Given & string, true>>): KnownFields {
  return new Set(Object.keys(names))
}

/**
 * Refuses options with a field that is none: passed over, it would say nothing about what it was meant to change. An
 * inherited field is not looked at, and one that is undefined is one all the same.
 *
 * @throws INVALID_ARGUMENT
 */
export function refuseUnknownOptions(given: unknown, fields: KnownFields, verb: string): void {
  if (given === undefined) return
  const unknown = unknownField(given, fields)
  if (unknown !== undefined) {
    throw new InvalidArgument('options', `of ${verb} have ${problemOf(unknown, fields)}They may have ${listed(fields)}`)
  }
  // Also what has no fields at all: a version in the place of the options would turn its check off.
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgument('options', `of ${verb} are not an object: it may have ${listed(fields)}`)
  }
}

/**
 * Refuses an object with a field that is none, as {@link refuseUnknownOptions} does. The name of the object is made when it
 * is needed.
 *
 * @throws INVALID_ARGUMENT
 */
export function refuseUnknownFields(
  given: object,
  fields: KnownFields,
  argument: string | ((part: string) => string),
): void {
  const unknown = unknownField(given, fields)
  if (unknown === undefined) return
  const name = typeof argument === 'string' ? argument : argument('')
  throw new InvalidArgument(name, `has ${problemOf(unknown, fields)}It may have ${listed(fields)}`)
}

/**
 * Refuses an object that has, instead of a field, one that is written nearly the same. For objects that may carry what is
 * none of Varve's business, such as rules with functions of their own.
 *
 * @throws INVALID_ARGUMENT
 */
export function refuseMisspeltFields(given: object, fields: KnownFields, argument: string): void {
  for (const name of Object.keys(given)) {
    const meant = fields.has(name) ? undefined : nearest(name, fields)
    if (meant === undefined || Object.hasOwn(given, meant)) continue
    throw new InvalidArgument(argument, `has ${problemOf(name, fields)}It may have ${listed(fields)}`)
  }
}

/** Makes no list of the names: it is on the way of every append. */
function unknownField(given: unknown, fields: KnownFields): string | undefined {
  for (const name in given as object) if (!fields.has(name) && Object.hasOwn(given as object, name)) return name
  return undefined
}

function problemOf(unknown: string, fields: KnownFields): string {
  const meant = nearest(unknown, fields)
  return `an unknown field ${JSON.stringify(unknown)}${meant === undefined ? '. ' : `; did you mean ${JSON.stringify(meant)}? `}`
}

function listed(fields: KnownFields): string {
  return fields.size === 0 ? 'none' : [...fields].join(', ')
}

/**
 * The field that a name was meant for: one that it is the beginning of, or that differs in a third of its letters at the most;
 * whether they are capitals does not count.
 */
function nearest(unknown: string, fields: KnownFields): string | undefined {
  const name = unknown.slice(0, nameCharsMax).toLowerCase()
  const [best] = [...fields]
    .map((field) => ({ field, wrong: wrongIn(name, field.toLowerCase()) }))
    .filter(({ field, wrong }) => wrong <= Math.max(1, Math.floor(Math.min(field.length, name.length) / 3)))
    .sort((left, right) => left.wrong - right.wrong)
  return best?.field
}

/** Far more than any field has; comparing takes the product of two lengths. */
const nameCharsMax = 64

/** As much of a field as says which one is meant. */
const beginningChars = 3

function wrongIn(name: string, field: string): number {
  return name.length >= beginningChars && field.startsWith(name) ? 0 : distance(name, field)
}

/** Letters to insert, remove, replace or swap with the next one to make one text of the other (Damerau and Levenshtein). */
function distance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)]
  const wrong = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let at = 1; at <= left.length; at++) {
    const row = [at]
    rows.push(row)
    for (let index = 1; index <= right.length; index++) {
      const isSame = left[at - 1] === right[index - 1]
      const isSwapped = left[at - 1] === right[index - 2] && left[at - 2] === right[index - 1]
      row.push(
        Math.min(
          wrong(at - 1, index - 1) + (isSame ? 0 : 1),
          wrong(at - 1, index) + 1,
          wrong(at, index - 1) + 1,
          isSwapped ? wrong(at - 2, index - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
  }
  return wrong(left.length, right.length)
}
