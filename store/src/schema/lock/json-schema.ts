import { isDeepStrictEqual } from 'node:util'

/** A JSON Schema, draft 2020-12: an object of keywords, or true for anything and false for nothing. */
export type JsonSchema = boolean | JsonSchemaObject

/** A JSON Schema that is not a boolean. */
export interface JsonSchemaObject {
  readonly [keyword: string]: unknown
}

/**
 * Keywords that demand nothing of their neighbours, and are not compared: the same before and after is the same demand.
 * https://json-schema.org/draft/2020-12/json-schema-core, validation; older drafts' ones in case a converter writes them.
 */
const independent = 'not contentEncoding contentMediaType contentSchema dependentRequired dependentSchemas dependencies'
/** Keywords whose meaning hangs on the keywords beside them, or on where they are: comparable as a whole schema only. */
const entangledWords =
  '$ref $dynamicRef $recursiveRef if then else contains minContains maxContains ' +
  'unevaluatedProperties unevaluatedItems additionalItems'
const comparedWords =
  'type const enum anyOf oneOf allOf minimum maximum exclusiveMinimum exclusiveMaximum multipleOf ' +
  'minLength maxLength pattern format items prefixItems minItems maxItems uniqueItems ' +
  'properties patternProperties required additionalProperties propertyNames minProperties maxProperties'

/** Keywords that are compared by what they admit. */
export const compared: ReadonlySet<string> = new Set(comparedWords.split(' '))
const entangled: ReadonlySet<string> = new Set(entangledWords.split(' '))
// Whatever else there is says something to people and forbids nothing: core, section 6.5.
const asserting: ReadonlySet<string> = new Set([...compared, ...entangled, ...independent.split(' ')])

/** The keywords of a schema that may forbid something, in order of their names. */
export function assertions(schema: JsonSchemaObject): JsonSchemaObject {
  const kept = Object.entries(schema).filter(([keyword, value]) => asserting.has(keyword) && value !== undefined)
  return Object.fromEntries(kept.sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** Whether a schema has a keyword whose meaning hangs on the ones beside it. */
export function isEntangled(schema: JsonSchemaObject): boolean {
  return Array.isArray(schema.items) || Object.keys(schema).some((keyword) => entangled.has(keyword))
}

/** Whether a value is a schema. */
export function isJsonSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value))
}

/** The schemas in a list of them. */
export function schemasIn(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.filter(isJsonSchema) : []
}

/** The schemas of an object's properties, or of anything else by name. */
export function schemasByName(value: unknown): ReadonlyMap<string, JsonSchema> {
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).filter((entry): entry is [string, JsonSchema] => isJsonSchema(entry[1])))
}

/** The types a schema names; undefined when it names none. */
export function typesOf({ type }: JsonSchemaObject): readonly string[] | undefined {
  if (typeof type === 'string') return [type]
  return Array.isArray(type) ? type.filter((one) => typeof one === 'string') : undefined
}

/** The values that a schema lists; undefined when it lists none. */
export function valuesOf(schema: JsonSchemaObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema.const]
  return Array.isArray(schema.enum) ? schema.enum : undefined
}

/**
 * A schema with what it refers to in its place, and as few `allOf` as possible. A reference that cannot be followed stays,
 * and so does one that leads to itself and nothing else.
 */
export function resolved(schema: JsonSchema, root: JsonSchema, followed: readonly string[] = []): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const { $ref, ...beside } = assertions(schema)
  if ($ref === undefined) return merged(beside, root, followed)
  const target = typeof $ref === 'string' && !followed.includes($ref) ? pointedAt(root, $ref) : undefined
  if (target === undefined) return assertions(schema)
  const whole = Object.keys(beside).length === 0 ? target : { allOf: [target, beside] }
  return resolved(whole, root, [...followed, String($ref)])
}

function pointedAt(root: JsonSchema, reference: string): JsonSchema | undefined {
  // A name after the # is an anchor, which no converter writes.
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let found: unknown = root
  for (const step of stepsOf(reference)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = (found as JsonSchemaObject)[step]
  }
  return isJsonSchema(found) ? found : undefined
}

function stepsOf(reference: string): readonly string[] {
  const steps = reference.split('/').slice(1)
  try {
    return steps.map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
  } catch {
    // A % that begins no character is one.
    return steps
  }
}

/** What all members of an `allOf` demand together, as one schema; unchanged where that cannot be written so. */
function merged(schema: JsonSchemaObject, root: JsonSchema, followed: readonly string[]): JsonSchemaObject {
  const { allOf, ...beside } = schema
  if (!Array.isArray(allOf)) return schema
  let sum: JsonSchemaObject = beside
  for (const member of schemasIn(allOf)) {
    const part = resolved(member, root, followed)
    if (part === true) continue
    const both = part === false ? undefined : together(sum, part)
    if (both === undefined) return schema
    sum = both
  }
  return assertions(sum)
}

function together(left: JsonSchemaObject, right: JsonSchemaObject): JsonSchemaObject | undefined {
  if (!isMergeable(left, right)) return undefined
  const sum: Record<string, unknown> = { ...left }
  for (const [keyword, value] of Object.entries(right)) {
    const other = sum[keyword]
    if (other === undefined || isDeepStrictEqual(other, value)) sum[keyword] = value
    else if (keyword === 'required') sum.required = [...new Set([...(other as string[]), ...(value as string[])])]
    else if (keyword === 'properties') {
      const [ours, theirs] = [schemasByName(other), schemasByName(value)]
      const names = new Set([...ours.keys(), ...theirs.keys()])
      sum.properties = Object.fromEntries(
        [...names].map((name) => {
          const [one, two] = [ours.get(name), theirs.get(name)]
          return [name, one === undefined ? two : two === undefined ? one : { allOf: [one, two] }]
        }),
      )
    } else return undefined
  }
  return sum
}

/**
 * Each of them speaks of the fields and entries that it does not name itself, and in one schema they would speak of those
 * that neither names.
 */
function isMergeable(left: JsonSchemaObject, right: JsonSchemaObject): boolean {
  const [none, other] = [Object.keys(left).length === 0, Object.keys(right).length === 0]
  if (none || other || isDeepStrictEqual(left, right)) return true
  const hasOthers = (keyword: string): boolean => [left, right].some((one) => one[keyword] !== undefined)
  const isSame = (keyword: string): boolean => isDeepStrictEqual(left[keyword], right[keyword])
  if (isEntangled(left) || isEntangled(right)) return false
  if (hasOthers('additionalProperties') && !(isSame('properties') && isSame('patternProperties'))) return false
  return !hasOthers('items') || isSame('prefixItems')
}

/** A schema without what it says to people, at any depth. */
export function meaning(schema: JsonSchema): unknown {
  return rewritten(schema, (object) => ({
    ...assertions(object),
    ...(object.$defs !== undefined && { $defs: object.$defs }),
  }))
}

/** Keywords whose value has schemas by names that anybody may choose, `title` and `required` among them. */
const byName: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
])
/** Keywords whose value is a value of the payload and no schema. */
const plain: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples'])

/** Changes every schema within a schema, the outer ones first. */
export function rewritten(value: unknown, change: (schema: JsonSchemaObject) => JsonSchemaObject): unknown {
  if (Array.isArray(value)) return value.map((one) => rewritten(one, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(change(value as JsonSchemaObject)).map(([keyword, part]) => {
      if (plain.has(keyword)) return [keyword, part]
      if (!byName.has(keyword) || typeof part !== 'object' || part === null) return [keyword, rewritten(part, change)]
      const named = Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1))
      return [keyword, Object.fromEntries(named.map(([name, schema]) => [name, rewritten(schema, change)]))]
    }),
  )
}
