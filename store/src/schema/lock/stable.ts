import { type JsonSchema, type JsonSchemaObject, rewritten } from './json-schema.ts'

/**
 * The same text for the same schema: in order of keywords and of required fields, which validators list as they please, and
 * with definitions numbered in the order in which they are met, where a validator counts everything that it ever made.
 */
export function stable(schema: JsonSchema): JsonSchema {
  const sorted = rewritten(schema, ({ $schema: _, ...object }) => {
    const entries = Object.entries(object).filter(([keyword]) => !keyword.startsWith('~'))
    const inOrder = Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)))
    return Array.isArray(inOrder.required) ? { ...inOrder, required: [...inOrder.required].sort() } : inOrder
  }) as JsonSchema
  return typeof sorted === 'object' && sorted.$defs !== undefined ? renumbered(sorted) : sorted
}

function renumbered(schema: JsonSchemaObject): JsonSchema {
  const defs = schema.$defs as Readonly<Record<string, JsonSchema>>
  const names = new Map<string, string>()
  const name = (given: string): string => {
    const known = names.get(given)
    if (known !== undefined) return known
    const [, stem = given, count] = /^(.*?)(\d+)$/.exec(given) ?? []
    const alike = [...names.keys()].filter((one) => /^(.*?)(\d+)$/.exec(one)?.[1] === stem).length
    const fresh = count === undefined ? given : `${stem}${alike + 1}`
    names.set(given, fresh)
    return fresh
  }
  const renamed = (part: JsonSchema): JsonSchema =>
    rewritten(part, (object) => {
      const [, given] = /^#\/\$defs\/([^/]+)$/.exec(String(object.$ref)) ?? []
      return given === undefined || !Object.hasOwn(defs, given) ? object : { ...object, $ref: `#/$defs/${name(given)}` }
    }) as JsonSchema
  const { $defs: _, ...beside } = schema
  const whole = renamed(beside) as JsonSchemaObject
  const done = new Map<string, JsonSchema>()
  // Definitions are met in other definitions too. A map goes through what is added while it is gone through.
  for (const given of names.keys()) done.set(name(given), renamed(defs[given] ?? true))
  for (const [given, definition] of Object.entries(defs))
    if (!names.has(given)) done.set(name(given), renamed(definition))
  const inOrder = [...done].sort(([left], [right]) => (left < right ? -1 : 1))
  return { $defs: Object.fromEntries(inOrder), ...whole }
}
