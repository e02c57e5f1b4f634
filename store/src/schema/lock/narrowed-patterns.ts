import { type Comparison, found, type Narrow, type Narrowing } from './comparison.ts'
import { explicit, field, matches } from './fields.ts'
import { type JsonSchema, type JsonSchemaObject, schemasByName } from './json-schema.ts'

/**
 * Fields whose names a pattern describes. Two patterns may describe the same names, which nobody can tell from looking at
 * them: what a new pattern demands cannot be told, one that both schemas have is compared, and where one is gone its fields
 * have to be allowed by what is said of further fields.
 */
export function narrowedPatterns(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const [had, now] = [schemasByName(before.patternProperties), schemasByName(next.patternProperties)]
  const added = [...now.keys()].filter((pattern) => !had.has(pattern))
  const findings = added.map((pattern) =>
    found('cannot_tell', at(path, pattern), 'which fields that are stored the new pattern describes cannot be told'),
  )
  for (const [pattern, schema] of had) {
    const counterpart = now.get(pattern) ?? explicit(next)
    if (counterpart !== undefined) findings.push(...narrow(comparison, schema, counterpart, at(path, pattern)))
    else findings.push(found('field_removed', at(path, pattern), 'fields with such a name are gone'))
    findings.push(...narrowedNamed(comparison, { pattern, schema, before, next }, path, narrow))
  }
  return findings
}

/** Fields that have a name of their own now, and had one that a pattern describes. */
function narrowedNamed(
  comparison: Comparison,
  pair: {
    readonly pattern: string
    readonly schema: JsonSchema
    readonly before: JsonSchemaObject
    readonly next: JsonSchemaObject
  },
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const known = schemasByName(pair.before.properties)
  return [...schemasByName(pair.next.properties)].flatMap(([name, now]) => {
    const isDescribed = known.has(name) ? false : matches(pair.pattern, name)
    if (isDescribed === false) return []
    if (isDescribed === true) return narrow(comparison, pair.schema, now, field(path, name))
    return [found('cannot_tell', field(path, name), `"${pair.pattern}" is no pattern that can be read`)]
  })
}

function at(path: string, pattern: string): string {
  return `${path}[/${pattern}/]`
}
