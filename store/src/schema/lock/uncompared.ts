import { field } from './fields.ts'
import { isJsonSchema, type JsonSchema, schemasByName, schemasIn } from './json-schema.ts'

/** What is written, as `$comment`, where a validator has a check in code: JSON Schema cannot say what code does. */
export const codeComment = 'and a check in code, which is not compared'

/** The places in a payload where a schema has checks in code. */
export function uncompared(schema: JsonSchema | null, path = '$'): readonly string[] {
  if (schema === null || typeof schema === 'boolean') return []
  const here = schema.$comment === codeComment ? [path] : []
  const fields = [...schemasByName(schema.properties)].flatMap(([name, one]) => uncompared(one, field(path, name)))
  const others = [schema.additionalProperties, ...schemasByName(schema.patternProperties).values()].flatMap((one) =>
    isJsonSchema(one) ? uncompared(one, `${path}.*`) : [],
  )
  const entries = [schema.items, ...schemasIn(schema.prefixItems)].flatMap((one) =>
    isJsonSchema(one) ? uncompared(one, `${path}[]`) : [],
  )
  const cases = [...schemasIn(schema.anyOf), ...schemasIn(schema.oneOf), ...schemasIn(schema.allOf)]
  // Definitions are told once, by their names: they may contain themselves.
  const named = [...schemasByName(schema.$defs)].flatMap(([name, one]) => uncompared(one, `#${name}`))
  return [
    ...new Set([...here, ...fields, ...others, ...entries, ...cases.flatMap((one) => uncompared(one, path)), ...named]),
  ]
}
