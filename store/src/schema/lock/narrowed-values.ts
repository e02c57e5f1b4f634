import { isDeepStrictEqual } from 'node:util'
import { type Comparison, found, type Narrow, type Narrowing } from './comparison.ts'
import { isJsonSchema, type JsonSchema, type JsonSchemaObject, schemasIn } from './json-schema.ts'

/** Numbers that the next schema no longer accepts. */
export function narrowedNumber(before: JsonSchemaObject, next: JsonSchemaObject, path: string): readonly Narrowing[] {
  const findings: Narrowing[] = []
  const [hadLow, low] = [bound(before, 'minimum', 'exclusiveMinimum', 1), bound(next, 'minimum', 'exclusiveMinimum', 1)]
  if (isTighter(low, hadLow))
    findings.push(found('narrowed', path, `the least that is allowed rose from ${shown(hadLow)} to ${shown(low)}`))
  const [hadHigh, high] = [
    bound(before, 'maximum', 'exclusiveMaximum', -1),
    bound(next, 'maximum', 'exclusiveMaximum', -1),
  ]
  if (isTighter(high, hadHigh))
    findings.push(found('narrowed', path, `the most that is allowed fell from ${shown(hadHigh)} to ${shown(high)}`))
  const step = next.multipleOf
  const isStep = typeof step === 'number' && Number.isInteger((before.multipleOf as number) / step)
  const isWhole = step === 1 && before.type === 'integer'
  if (step !== undefined && !isStep && !isWhole)
    findings.push(found('narrowed', path, `only multiples of ${String(step)} are allowed now`))
  return findings
}

interface Bound {
  /** In the direction in which bounds get tighter: of an upper bound its negative. */
  readonly at: number
  readonly isExclusive: boolean
  readonly direction: 1 | -1
}

function bound(schema: JsonSchemaObject, inclusive: string, exclusive: string, direction: 1 | -1): Bound {
  const at = (value: unknown): number => (typeof value === 'number' ? value * direction : Number.NEGATIVE_INFINITY)
  // Above 0 is from 1 on, among whole numbers.
  const above = Math.floor(at(schema[exclusive])) + 1
  if (schema.type === 'integer' && !(Math.abs(above) > Number.MAX_SAFE_INTEGER && Number.isFinite(above))) {
    return { at: Math.max(Math.ceil(at(schema[inclusive])), above), isExclusive: false, direction }
  }
  const [closed, open] = [at(schema[inclusive]), at(schema[exclusive])]
  return open >= closed && open > Number.NEGATIVE_INFINITY
    ? { at: open, isExclusive: true, direction }
    : { at: closed, isExclusive: false, direction }
}

function isTighter(next: Bound, before: Bound): boolean {
  return next.at > before.at || (next.at === before.at && next.isExclusive && !before.isExclusive)
}

function shown({ at, isExclusive, direction }: Bound): string {
  if (at === Number.NEGATIVE_INFINITY) return 'no bound'
  return `${isExclusive ? (direction === 1 ? 'above ' : 'below ') : ''}${at * direction}`
}

/** Texts that the next schema no longer accepts. */
export function narrowedString(before: JsonSchemaObject, next: JsonSchemaObject, path: string): readonly Narrowing[] {
  const findings = narrowedLength(before, next, path, { least: 'minLength', most: 'maxLength', of: 'characters' })
  const other = ['pattern', 'format'].filter(
    (keyword) => keyword in next && !isDeepStrictEqual(before[keyword], next[keyword]),
  )
  return [...findings, ...other.map((keyword) => found('narrowed', path, changedWords(keyword, before, next)))]
}

function changedWords(keyword: string, before: JsonSchemaObject, next: JsonSchemaObject): string {
  const now = JSON.stringify(next[keyword])
  if (!(keyword in before)) return `a ${keyword} was added: ${now}`
  return `the ${keyword} changed from ${JSON.stringify(before[keyword])} to ${now}`
}

/** Lists that the next schema no longer accepts. */
export function narrowedList(
  comparison: Comparison,
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
  narrow: Narrow,
): readonly Narrowing[] {
  const findings = [...narrowedLength(before, next, path, { least: 'minItems', most: 'maxItems', of: 'entries' })]
  if (next.uniqueItems === true && before.uniqueItems !== true)
    findings.push(found('narrowed', path, 'entries may not repeat any more'))
  const [hadFirst, first] = [schemasIn(before.prefixItems), schemasIn(next.prefixItems)]
  const places = Math.max(hadFirst.length, first.length)
  for (let place = 0; place < places; place++) {
    if (!canHave(before, place)) continue
    const [had, now] = [hadFirst[place] ?? itemsOf(before), first[place] ?? itemsOf(next)]
    findings.push(...narrow(comparison, had, now, `${path}[${place}]`))
  }
  if (canHave(before, places)) findings.push(...narrow(comparison, itemsOf(before), itemsOf(next), `${path}[]`))
  return findings
}

function itemsOf({ items }: JsonSchemaObject): JsonSchema {
  return isJsonSchema(items) ? items : true
}

/** Whether a list may have an entry at a place. */
function canHave(schema: JsonSchemaObject, place: number): boolean {
  const isFixed = place >= schemasIn(schema.prefixItems).length && schema.items === false
  return !isFixed && !(typeof schema.maxItems === 'number' && place >= schema.maxItems)
}

/** How long something may be, by the keywords that say so. */
export function narrowedLength(
  before: JsonSchemaObject,
  next: JsonSchemaObject,
  path: string,
  { least, most, of }: { readonly least: string; readonly most: string; readonly of: string },
): readonly Narrowing[] {
  const findings: Narrowing[] = []
  const [hadLeast, nowLeast] = [Number(before[least] ?? 0), Number(next[least] ?? 0)]
  if (nowLeast > hadLeast)
    findings.push(found('narrowed', path, `at least ${nowLeast} ${of} are needed now, where ${hadLeast} were enough`))
  const endless = Number.POSITIVE_INFINITY
  const [hadMost, nowMost] = [Number(before[most] ?? endless), Number(next[most] ?? endless)]
  if (nowMost < hadMost) {
    findings.push(
      found(
        'narrowed',
        path,
        `at most ${nowMost} ${of} are allowed now, where ${hadMost === endless ? 'any number was' : `${hadMost} were`}`,
      ),
    )
  }
  return findings
}
