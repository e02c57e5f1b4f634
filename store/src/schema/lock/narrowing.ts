/**
 * What a schema no longer accepts of what another one accepted: a proof by cases, one keyword after the other.
 *
 * Invariant: where nothing is found, everything that the old schema admits the new one admits too, fields apart that no
 * schema has named. What this code cannot prove is a finding (`cannot_tell`), never passed over.
 */
import { isDeepStrictEqual } from 'node:util'
import { admits } from './admits.ts'
import { type Comparison, found, type Narrowing } from './comparison.ts'
import {
  assertions,
  type JsonSchema,
  type JsonSchemaObject,
  resolved,
  schemasIn,
  typesOf,
  valuesOf,
} from './json-schema.ts'
import { narrowedObject } from './narrowed-object.ts'
import { narrowedList, narrowedNumber, narrowedString } from './narrowed-values.ts'

/** What the next schema no longer accepts of what the one before did; empty when it accepts all of it. */
export function narrowings(before: JsonSchema, next: JsonSchema): readonly Narrowing[] {
  return narrowed({ before, next, underWay: new Set() }, before, next, '$')
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
  // A schema that contains itself is accepted if it is accepted on the way to itself.
  const pair = JSON.stringify([had, wanted])
  if (comparison.underWay.has(pair)) return []
  comparison.underWay.add(pair)
  try {
    return byCases(comparison, had, wanted, path)
  } finally {
    comparison.underWay.delete(pair)
  }
}

function byCases(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
): readonly Narrowing[] {
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
    if (Array.isArray(next[keyword])) return intoUnion(comparison, before, next, keyword, path)
  }
  return [...unknownKeywords(before, next, path), ...bySingleType(comparison, before, next, path)]
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

/** A union accepts a case that one of its branches accepts. */
function intoUnion(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  keyword: 'anyOf' | 'oneOf',
  path: string,
): readonly Narrowing[] {
  const { [keyword]: list, ...beside } = next
  const branches = schemasIn(list)
  const others = Object.keys(beside).length === 0 ? [] : narrowed(comparison, before, beside, path)
  const tried = branches.map((branch) => narrowed(comparison, before, branch, path))
  if (tried.some((findings) => findings.length === 0)) {
    if (keyword === 'anyOf' || areDistinct(branches, comparison.next)) return others
    return [...others, found('cannot_tell', path, 'whether exactly one of the alternatives matches cannot be told')]
  }
  // The alternative that comes closest says best what is missing: one of the same type, if there is one.
  const alike = tried.filter((_, index) => isAlike(before, resolved(branches[index] ?? false, comparison.next)))
  const [closest] = (alike.length > 0 ? alike : []).sort((left, right) => left.length - right.length)
  return [
    ...others,
    ...(closest ?? [found('narrowed', path, `${described(before)} is not among the alternatives any more`)]),
  ]
}

function isAlike(before: JsonSchemaObject, branch: JsonSchema): boolean {
  if (typeof branch === 'boolean') return false
  return isDeepStrictEqual(typesOf(before), typesOf(branch)) && sharesTag(before, branch) !== false
}

/** Whether two objects agree on a field that has one value in each; undefined when they have no such field. */
function sharesTag(left: JsonSchemaObject, right: JsonSchemaObject): boolean | undefined {
  const [ours, theirs] = [constantsOf(left), constantsOf(right)]
  const names = [...ours.keys()].filter((name) => theirs.has(name))
  if (names.length === 0) return undefined
  return names.every((name) => isDeepStrictEqual(ours.get(name), theirs.get(name)))
}

function constantsOf({ properties, required }: JsonSchemaObject): ReadonlyMap<string, unknown> {
  if (typeof properties !== 'object' || properties === null || !Array.isArray(required)) return new Map()
  const constants = Object.entries(properties).flatMap(([name, schema]) =>
    required.includes(name) && typeof schema === 'object' && schema !== null && 'const' in schema
      ? [[name, schema.const] as const]
      : [],
  )
  return new Map(constants)
}

/** Whether no value can match two of the alternatives: they differ in type, or in the value of a field they all have. */
function areDistinct(branches: readonly JsonSchema[], root: JsonSchema): boolean {
  const plain = branches.map((branch) => resolved(branch, root))
  return plain.every((left, index) =>
    plain.slice(0, index).every((right) => {
      if (typeof left === 'boolean' || typeof right === 'boolean') return false
      const [ours, theirs] = [typesOf(left) ?? [], typesOf(right) ?? []]
      const isOfOtherType = ours.length > 0 && theirs.length > 0 && !ours.some((type) => overlaps(type, theirs))
      return isOfOtherType || sharesTag(left, right) === false
    }),
  )
}

function overlaps(type: string, others: readonly string[]): boolean {
  const isNumeric = (one: string): boolean => one === 'number' || one === 'integer'
  return others.some((other) => other === type || (isNumeric(other) && isNumeric(type)))
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
  if (values !== undefined && !(type === 'boolean' && [true, false].every((one) => values.includes(one)))) {
    const listed = values.map((value) => JSON.stringify(value)).join(', ')
    return [found('narrowed', path, `${described(before)} may now only be ${listed}`)]
  }
  if (type === 'number' || type === 'integer') return narrowedNumber(before, next, path)
  if (type === 'string') return narrowedString(before, next, path)
  if (type === 'array') return narrowedList(comparison, before, next, path, narrowed)
  if (type === 'object') return narrowedObject(comparison, before, next, path, narrowed)
  if (type !== undefined) return []
  // Of a schema that names no type each keyword has to be there as it is now.
  const added = Object.entries(next).filter(([keyword, value]) => !isDeepStrictEqual(before[keyword], value))
  return added.map(([keyword]) =>
    found('cannot_tell', path, `what "${keyword}" forbids of a value of any type cannot be told`),
  )
}

/** Keywords that are not compared: what only the new schema demands, or demands otherwise, may forbid anything. */
function unknownKeywords(before: JsonSchemaObject, next: JsonSchemaObject, path: string): readonly Narrowing[] {
  return Object.entries(next)
    .filter(([keyword, value]) => !compared.has(keyword) && !isDeepStrictEqual(before[keyword], value))
    .map(([keyword]) => found('cannot_tell', path, `"${keyword}" is not compared, and is another one than before`))
}

const compared: ReadonlySet<string> = new Set(
  (
    'type const enum anyOf oneOf allOf minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' +
    'minLength maxLength pattern format items prefixItems minItems maxItems uniqueItems ' +
    'properties required additionalProperties propertyNames minProperties maxProperties'
  ).split(' '),
)

function described(schema: JsonSchemaObject): string {
  const values = valuesOf(schema)
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' or ')
  const types = typesOf(schema)
  return types === undefined ? 'a value of any type' : types.map((type) => named.get(type) ?? type).join(' or ')
}

const named: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['integer', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['null', 'null'],
])
