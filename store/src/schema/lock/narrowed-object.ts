import { admits } from './admits.ts'
import { type Comparison, found, isSamePart, type Narrow, type Narrowing } from './comparison.ts'
import { explicit, field } from './fields.ts'
import { isJsonSchema, type JsonSchema, type JsonSchemaObject, schemasByName } from './json-schema.ts'
import { narrowedPatterns } from './narrowed-patterns.ts'
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
  const renamed = comparison.findsRenames ? renames(comparison, { had, now, gone, added }, narrow) : new Map()
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
  return [
    ...findings,
    ...narrowedNames(comparison, before, next, path, narrow),
    ...narrowedPatterns(comparison, before, next, path, narrow),
    ...narrowedOthers(comparison, { before, next, added, now }, path, narrow),
  ]
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
  return findings
}

/** Names that fields may no longer have. */
function narrowedNames(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const { propertyNames: allowed } = next
  if (!isJsonSchema(allowed) || isSamePart(comparison, before.propertyNames, allowed)) return []
  const hadNames = isJsonSchema(before.propertyNames) ? before.propertyNames : { type: 'string' }
  const named = [...schemasByName(before.properties).keys()].flatMap((name) => {
    if (admits(hadNames, name, comparison.before) === false) return []
    const verdict = admits(allowed, name, comparison.next)
    if (verdict === true) return []
    const says = 'whether a field may still have this name cannot be told'
    return [
      verdict === false
        ? found('field_removed', field(path, name), 'no field may have this name any more')
        : found('cannot_tell', field(path, name), says),
    ]
  })
  const hasOthers = explicit(before) !== undefined || before.patternProperties !== undefined
  return hasOthers ? [...named, ...narrow(comparison, hadNames, allowed, `${path}.*`)] : named
}

interface Fields {
  readonly had: ReadonlyMap<string, JsonSchema>
  readonly now: ReadonlyMap<string, JsonSchema>
  readonly gone: readonly string[]
  readonly added: readonly string[]
}

/** By a field that is gone, the new one that accepts the same: each new one once. */
function renames(
  { before, next, parts }: Comparison,
  { had, now, gone, added }: Fields,
  narrow: Narrow,
): ReadonlyMap<string, string> {
  const free = new Set(added)
  const found = new Map<string, string>()
  if (gone.length === 0 || added.length === 0) return found
  const there = { before, next, parts: parts.tried('same'), findsRenames: false }
  const back = { before: next, next: before, parts: parts.tried('reverse'), findsRenames: false }
  for (const name of gone) {
    const was = had.get(name) ?? true
    const alike = [...free].find((one) => {
      const is = now.get(one) ?? true
      return narrow(there, was, is, '$').length === 0 && narrow(back, is, was, '$').length === 0
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
