import { isDeepStrictEqual } from 'node:util'
import { type Comparison, found, type Narrow, type Narrowing } from './comparison.ts'
import { described } from './described.ts'
import { type JsonSchema, type JsonSchemaObject, resolved, schemasIn, typesOf } from './json-schema.ts'

/** A union accepts a case that one of its branches accepts. */
export function narrowedUnion(
  comparison: Comparison,
  before: JsonSchemaObject,
  { union: next, keyword }: { readonly union: JsonSchemaObject; readonly keyword: 'anyOf' | 'oneOf' },
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const { [keyword]: list, ...beside } = next
  const branches = schemasIn(list)
  const others = Object.keys(beside).length === 0 ? [] : narrow(comparison, before, beside, path)
  const tried = branches.map((branch) => narrow(comparison, before, branch, path))
  if (tried.some((findings) => findings.length === 0)) {
    if (keyword === 'anyOf' || areDistinct(branches, comparison.next)) return others
    return [...others, found('cannot_tell', path, 'whether exactly one of the alternatives matches cannot be told')]
  }
  // The alternative that comes closest says best what is missing: one of the same type, if there is one.
  const alike = tried.filter((_, index) => isAlike(before, resolved(branches[index] ?? false, comparison.next)))
  const [closest] = alike.sort((left, right) => left.length - right.length)
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

function constantsOf({ type, properties, required }: JsonSchemaObject): ReadonlyMap<string, unknown> {
  // What names no type admits values that have no fields at all, whatever their tags.
  if (type !== 'object' || typeof properties !== 'object' || properties === null || !Array.isArray(required))
    return new Map()
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
