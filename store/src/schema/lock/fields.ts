import { isJsonSchema, type JsonSchema, type JsonSchemaObject } from './json-schema.ts'

/** What a schema says of fields it does not name, where it says anything but no. */
export function explicit({ additionalProperties }: JsonSchemaObject): JsonSchema | undefined {
  return isJsonSchema(additionalProperties) && additionalProperties !== false ? additionalProperties : undefined
}

/** The path of a field. */
export function field(path: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}

/** Whether a text is one that a pattern describes; unknown when the pattern is none that JavaScript reads. */
export function matches(pattern: string, text: string): boolean | 'unknown' {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    return 'unknown'
  }
}
