import { isDeepStrictEqual } from 'node:util'
import { type Comparison, found, type Narrow, type Narrowing } from './comparison.ts'
import { isJsonSchema, type JsonSchema, type JsonSchemaObject, schemasByName } from './json-schema.ts'
import { narrowedLength } from './narrowed-values.ts'

/**
 * Objects that the next schema no longer accepts. A field that is gone counts as well where any further field is allowed:
 * events that are stored have it, and whoever reads them no longer gets it.
 */
export function narrowedObject(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const [had, now] = [schemasByName(before.properties), schemasByName(next.properties)]
  const [hadRequired, required] = [namesIn(before.required), namesIn(next.required)]
  const gone = [...had.keys()].filter((name) => !now.has(name) && explicit(next) === undefined)
  const added = [...now.keys()].filter((name) => !had.has(name))
  const renamed = renames(comparison, { had, now, gone, added }, narrow)
  const findings: Narrowing[] = []
  for (const name of gone) {
    const to = renamed.get(name)
    findings.push(
      to === undefined
        ? found(
            'field_removed',
            field(path, name),
            'the field is gone: readers no longer get it from events that have it',
          )
        : found(
            'field_renamed',
            field(path, name),
            `the field is gone and ${JSON.stringify(to)} is new and alike: was it renamed?`,
          ),
    )
  }
  for (const name of [...required].filter((one) => !hadRequired.has(one))) {
    if ([...renamed.values()].includes(name)) continue
    const says = had.has(name)
      ? 'the field has to be there now: events that are stored may lack it'
      : 'the field is new and has to be there: events that are stored lack it'
    findings.push(found('field_required', field(path, name), says))
  }
  for (const [name, schema] of had) {
    const counterpart = now.get(name) ?? explicit(next)
    if (counterpart !== undefined) findings.push(...narrow(comparison, schema, counterpart, field(path, name)))
  }
  return [...findings, ...narrowedOthers(comparison, { before, next, added, now }, path, narrow)]
}

/** Fields beyond those with names, where the old schema says what they may be. */
function narrowedOthers(
  comparison: Comparison,
  {
    before,
    next,
    added,
    now,
  }: {
    readonly before: JsonSchemaObject
    readonly next: JsonSchemaObject
    readonly added: readonly string[]
    readonly now: ReadonlyMap<string, JsonSchema>
  },
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const others = explicit(before)
  const findings = [
    ...narrowedLength(before, next, path, { least: 'minProperties', most: 'maxProperties', of: 'fields' }),
  ]
  if (others === undefined) return findings
  for (const name of added) findings.push(...narrow(comparison, others, now.get(name) ?? true, field(path, name)))
  const nextOthers = isJsonSchema(next.additionalProperties) ? next.additionalProperties : true
  findings.push(...narrow(comparison, others, nextOthers, `${path}.*`))
  if (isJsonSchema(next.propertyNames) && !isDeepStrictEqual(before.propertyNames, next.propertyNames)) {
    const hadNames = isJsonSchema(before.propertyNames) ? before.propertyNames : { type: 'string' }
    findings.push(...narrow(comparison, hadNames, next.propertyNames, `${path}.*`))
  }
  return findings
}

/** What a schema says of fields it does not name, where it says anything but no. */
function explicit({ additionalProperties }: JsonSchemaObject): JsonSchema | undefined {
  return isJsonSchema(additionalProperties) && additionalProperties !== false ? additionalProperties : undefined
}

interface Fields {
  readonly had: ReadonlyMap<string, JsonSchema>
  readonly now: ReadonlyMap<string, JsonSchema>
  readonly gone: readonly string[]
  readonly added: readonly string[]
}

/** By a field that is gone, the new one that accepts the same: each new one once. */
function renames(
  { before, next }: Comparison,
  { had, now, gone, added }: Fields,
  narrow: Narrow,
): ReadonlyMap<string, string> {
  const free = new Set(added)
  const found = new Map<string, string>()
  for (const name of gone) {
    const accepts = (from: JsonSchema, to: JsonSchema, sides: readonly [JsonSchema, JsonSchema]): boolean =>
      narrow({ before: sides[0], next: sides[1], underWay: new Set() }, from, to, '$').length === 0
    const was = had.get(name) ?? true
    const alike = [...free].find((one) => {
      const is = now.get(one) ?? true
      return accepts(was, is, [before, next]) && accepts(is, was, [next, before])
    })
    if (alike === undefined) continue
    free.delete(alike)
    found.set(name, alike)
  }
  return found
}

function namesIn(value: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [])
}

function field(path: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}
