import { type JsonSchemaObject, typesOf, valuesOf } from './json-schema.ts'

/** What a schema admits, in words for people. */
export function described(schema: JsonSchemaObject): string {
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
