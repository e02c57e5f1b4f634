import { isDeepStrictEqual } from 'node:util'
import { matches } from './fields.ts'
import {
  assertions,
  isJsonSchema,
  type JsonSchema,
  type JsonSchemaObject,
  resolved,
  schemasByName,
  schemasIn,
  typesOf,
} from './json-schema.ts'

/** Yes, no, or that a keyword is in the way which this code does not know. */
export type Verdict = true | false | 'unknown'

/** Whether a schema admits a value. Knows the keywords that the validators' own converters write. */
export function admits(schema: JsonSchema, value: unknown, root: JsonSchema): Verdict {
  const plain = resolved(schema, root)
  if (typeof plain === 'boolean') return plain
  return all(Object.entries(assertions(plain)).map(([keyword, given]) => holds(keyword, given, value, plain, root)))
}

function holds(keyword: string, given: unknown, value: unknown, schema: JsonSchemaObject, root: JsonSchema): Verdict {
  switch (keyword) {
    case 'type':
      return typesOf(schema)?.some((type) => isOfType(type, value)) ?? 'unknown'
    case 'const':
      return isDeepStrictEqual(given, value)
    case 'enum':
      return Array.isArray(given) && given.some((one) => isDeepStrictEqual(one, value))
    case 'anyOf':
      return some(schemasIn(given).map((one) => admits(one, value, root)))
    case 'allOf':
      return all(schemasIn(given).map((one) => admits(one, value, root)))
    case 'oneOf': {
      const verdicts = schemasIn(given).map((one) => admits(one, value, root))
      if (verdicts.includes('unknown')) return 'unknown'
      return verdicts.filter((one) => one === true).length === 1
    }
    default:
      break
  }
  if (typeof value === 'number') return holdsOfNumber(keyword, given, value)
  if (typeof value === 'string') return holdsOfString(keyword, given, value)
  if (Array.isArray(value)) return holdsOfList(keyword, given, value, schema, root)
  if (typeof value === 'object' && value !== null)
    return holdsOfObject(keyword, given, value as JsonSchemaObject, schema, root)
  return ofOtherTypes.has(keyword) ? true : 'unknown'
}

/** Keywords about numbers, texts, lists and objects say nothing of values of other types. */
const ofNumbers = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const ofStrings = ['minLength', 'maxLength', 'pattern', 'format']
const ofLists = ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems']
const ofObjects = [
  'properties',
  'patternProperties',
  'required',
  'additionalProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
]
const ofOtherTypes: ReadonlySet<string> = new Set([...ofNumbers, ...ofStrings, ...ofLists, ...ofObjects])

function holdsOfNumber(keyword: string, given: unknown, value: number): Verdict {
  const bound = typeof given === 'number' ? given : Number.NaN
  if (keyword === 'minimum') return value >= bound
  if (keyword === 'maximum') return value <= bound
  if (keyword === 'exclusiveMinimum') return value > bound
  if (keyword === 'exclusiveMaximum') return value < bound
  if (keyword === 'multipleOf') return Number.isInteger(value / bound)
  return ofOtherTypes.has(keyword) ? true : 'unknown'
}

function holdsOfString(keyword: string, given: unknown, value: string): Verdict {
  const length = [...value].length
  if (keyword === 'minLength') return length >= Number(given)
  if (keyword === 'maxLength') return length <= Number(given)
  if (keyword === 'pattern') return matches(String(given), value)
  if (keyword === 'format') return 'unknown'
  return ofOtherTypes.has(keyword) ? true : 'unknown'
}

function holdsOfList(
  keyword: string,
  given: unknown,
  value: readonly unknown[],
  schema: JsonSchemaObject,
  root: JsonSchema,
): Verdict {
  const first = schemasIn(schema.prefixItems)
  if (keyword === 'minItems') return value.length >= Number(given)
  if (keyword === 'maxItems') return value.length <= Number(given)
  if (keyword === 'prefixItems')
    return all(value.slice(0, first.length).map((one, at) => admits(first[at] ?? true, one, root)))
  if (keyword === 'items') {
    return isJsonSchema(given) ? all(value.slice(first.length).map((one) => admits(given, one, root))) : 'unknown'
  }
  if (keyword === 'uniqueItems')
    return (
      given !== true || value.every((one, at) => !value.slice(0, at).some((other) => isDeepStrictEqual(one, other)))
    )
  return ofOtherTypes.has(keyword) ? true : 'unknown'
}

function holdsOfObject(
  keyword: string,
  given: unknown,
  value: JsonSchemaObject,
  schema: JsonSchemaObject,
  root: JsonSchema,
): Verdict {
  const names = Object.keys(value)
  const known = schemasByName(schema.properties)
  switch (keyword) {
    case 'properties':
      return all(names.map((name) => admits(known.get(name) ?? true, value[name], root)))
    case 'required':
      return Array.isArray(given) && given.every((name) => typeof name === 'string' && Object.hasOwn(value, name))
    case 'patternProperties':
      return all(
        [...schemasByName(given)].flatMap(([pattern, one]) =>
          names.map((name) => (matches(pattern, name) === false ? true : admitsNamed(pattern, name, one, value, root))),
        ),
      )
    case 'additionalProperties': {
      const patterns = [...schemasByName(schema.patternProperties).keys()]
      if (patterns.some((pattern) => names.some((name) => matches(pattern, name) === 'unknown'))) return 'unknown'
      const others = names.filter((name) => !known.has(name) && !patterns.some((pattern) => matches(pattern, name)))
      return isJsonSchema(given) ? all(others.map((name) => admits(given, value[name], root))) : 'unknown'
    }
    case 'propertyNames':
      return isJsonSchema(given) ? all(names.map((name) => admits(given, name, root))) : 'unknown'
    case 'minProperties':
      return names.length >= Number(given)
    case 'maxProperties':
      return names.length <= Number(given)
    default:
      return ofOtherTypes.has(keyword) ? true : 'unknown'
  }
}

function admitsNamed(
  pattern: string,
  name: string,
  schema: JsonSchema,
  value: JsonSchemaObject,
  root: JsonSchema,
): Verdict {
  return matches(pattern, name) === 'unknown' ? 'unknown' : admits(schema, value[name], root)
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'null') return value === null
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}

function all(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false
  return verdicts.includes('unknown') ? 'unknown' : true
}

function some(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(true)) return true
  return verdicts.includes('unknown') ? 'unknown' : false
}
