/**
 * What a schema no longer accepts of what another one accepted: a proof by cases, one keyword after the other.
 *
 * Invariant: where nothing is found, everything that the old schema admits the new one admits too, fields apart that no
 * schema has named. What this code cannot prove is a finding (`cannot_tell`), never passed over.
 */
import { admits } from './admits.ts'
import { type Comparison, found, isSamePart, type Narrowing, Parts } from './comparison.ts'
import { described } from './described.ts'
import {
  assertions,
  compared,
  isEntangled,
  type JsonSchema,
  type JsonSchemaObject,
  resolved,
  schemasIn,
  typesOf,
  valuesOf,
} from './json-schema.ts'
import { narrowedObject } from './narrowed-object.ts'
import { narrowedUnion } from './narrowed-union.ts'
import { narrowedList, narrowedNumber, narrowedString } from './narrowed-values.ts'

/** What the next schema no longer accepts of what the one before did; empty when it accepts all of it. */
export function narrowings(before: JsonSchema, next: JsonSchema): readonly Narrowing[] {
  const findings = narrowed({ before, next, parts: new Parts(), findsRenames: true }, before, next, '$')
  // Cases of a union may lack the same.
  return [...new Map(findings.map((one) => [JSON.stringify(one), one])).values()]
}

/** The same for parts of two schemas. */
export function narrowed(
  comparison: Comparison,
  beforePart: JsonSchema,
  nextPart: JsonSchema,
  path: string,
): readonly Narrowing[] {
  const before = resolved(beforePart, comparison.before)
  const next = resolved(nextPart, comparison.next)
  if (next === true || before === false) return []
  if (next === false) return [found('narrowed', path, 'nothing is allowed here any more')]
  const wanted = assertions(next)
  if (Object.keys(wanted).length === 0) return []
  const had = before === true ? {} : assertions(before)
  return comparison.parts.compare([had, wanted], path, () => byCases(comparison, had, wanted, path))
}

function byCases(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
  if (isSamePart(comparison, before, next)) return []
  if (isEntangled(next)) {
    const words = Object.keys(next).filter((keyword) => !compared.has(keyword) || keyword === 'items')
    return [found('cannot_tell', path, `what ${words.map((word) => `"${word}"`).join(', ')} means is not compared`)]
  }
  const branches = branchesOf(before, comparison.before)
  if (branches !== undefined) return branches.flatMap((branch) => narrowed(comparison, branch, next, path))
  const values = valuesOf(before)
  if (values !== undefined) return lostValues(comparison, values, next, path)
  if (Array.isArray(before.allOf)) return fromAll(comparison, before, next, path)
  if (Array.isArray(next.allOf)) {
    const { allOf, ...beside } = next
    return [...schemasIn(allOf), beside].flatMap((member) => narrowed(comparison, before, member, path))
  }
  for (const keyword of ['anyOf', 'oneOf'] as const) {
    if (Array.isArray(next[keyword])) return narrowedUnion(comparison, before, { union: next, keyword }, path, narrowed)
  }
  return [...unknownKeywords(comparison, before, next, path), ...bySingleType(comparison, before, next, path)]
}

/** The cases that a schema is made of, each of one type; undefined when it is one case itself. */
function branchesOf(schema: JsonSchemaObject, root: JsonSchema): readonly JsonSchema[] | undefined {
  for (const keyword of ['anyOf', 'oneOf']) {
    if (!Array.isArray(schema[keyword])) continue
    const { [keyword]: list, ...beside } = schema
    return schemasIn(list).map((branch) =>
      Object.keys(beside).length === 0 ? branch : resolved({ allOf: [branch, beside] }, root),
    )
  }
  const types = typesOf(schema)
  if (types === undefined || types.length < 2) return undefined
  return types.map((type) => ({ ...schema, type }))
}

function lostValues(
  comparison: Comparison,
  values: readonly unknown[],
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
  return values.flatMap((value) => {
    const verdict = admits(next, value, comparison.next)
    if (verdict === true) return []
    const shown = JSON.stringify(value)
    if (verdict === 'unknown') return [found('cannot_tell', path, `whether ${shown} is still allowed cannot be told`)]
    return [found('narrowed', path, `${shown} is not allowed any more`)]
  })
}

/** What several schemas demand together is less than each allows: one that is accepted is enough. */
function fromAll(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
  const { allOf, ...beside } = before
  const members = [...schemasIn(allOf), beside]
  if (members.some((member) => narrowed(comparison, member, next, path).length === 0)) return []
  return [found('cannot_tell', path, 'what several schemas allow together is not compared')]
}

function bySingleType(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
  const [type] = typesOf(before) ?? []
  const allowed = typesOf(next)
  if (
    allowed !== undefined &&
    !(type !== undefined && (allowed.includes(type) || (type === 'integer' && allowed.includes('number'))))
  ) {
    return [found('narrowed', path, `${described(before)} became ${described(next)}`)]
  }
  const values = valuesOf(next)
  if (values !== undefined && !isExhausted(type, values)) {
    const listed = values.map((value) => JSON.stringify(value)).join(', ')
    return [found('narrowed', path, `${described(before)} may now only be ${listed}`)]
  }
  if (type === 'number' || type === 'integer') return narrowedNumber(before, next, path)
  if (type === 'string') return narrowedString(before, next, path)
  if (type === 'array') return narrowedList(comparison, before, next, path, narrowed)
  if (type === 'object') return narrowedObject(comparison, before, next, path, narrowed)
  if (type !== undefined) return []
  // Neither names a type: what is demanded of texts, say, is demanded of the texts among the values.
  return ['object', 'array', 'string', 'number'].flatMap((one) =>
    narrowed(comparison, { ...before, type: one }, next, path),
  )
}

/** Whether a type has no value but these. */
function isExhausted(type: string | undefined, values: readonly unknown[]): boolean {
  if (type === 'null') return values.includes(null)
  return type === 'boolean' && [true, false].every((one) => values.includes(one))
}

/** Keywords that are not compared: what only the new schema demands, or demands otherwise, may forbid anything. */
function unknownKeywords(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
  return Object.entries(next)
    .filter(([keyword, value]) => !compared.has(keyword) && !isSamePart(comparison, before[keyword], value))
    .map(([keyword]) => found('cannot_tell', path, `"${keyword}" is not compared, and is another one than before`))
}
