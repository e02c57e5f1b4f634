/**
 * What validators are told when they describe themselves, by Standard Schema vendor. Left alone they refuse dates, which are
 * stored as text, and leave out what they cannot say: then a change of it would pass as none.
 */
import { InvalidArgument } from '../../model/errors.ts'
import { codeComment } from './uncompared.ts'

const dateText = { type: 'string', format: 'date-time' }

function noWords(what: string, path: readonly (string | number)[] = []): InvalidArgument {
  const at = path.length === 0 ? '' : `, at ${path.join('.')}`
  return new InvalidArgument('schema', `has ${what}, for which JSON has no words${at}`)
}

interface ZodPlace {
  readonly zodSchema: { readonly _zod: { readonly def: ZodDefinition } }
  readonly jsonSchema: Record<string, unknown>
  readonly path: readonly (string | number)[]
}
interface ZodDefinition {
  readonly type: string
  readonly values?: readonly unknown[]
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string } } }[]
}

const zodOnly: ReadonlySet<string> = new Set(
  'bigint symbol undefined void nan custom function transform map set'.split(' '),
)

/** https://zod.dev/json-schema: what has no JSON Schema is let through as `{}`, and then looked at by its definition. */
const zod = {
  unrepresentable: 'any',
  override: ({ zodSchema, jsonSchema, path }: ZodPlace): void => {
    const { type, values = [], checks = [] } = zodSchema._zod.def
    const isOdd = type === 'literal' && values.some((one) => one === undefined || typeof one === 'bigint')
    if (isOdd || zodOnly.has(type)) throw noWords(`z.${type}`, path)
    if (type === 'date') Object.assign(jsonSchema, dateText)
    if (checks.some(({ _zod }) => _zod.def.check === 'custom')) jsonSchema.$comment = codeComment
  },
}

interface ArkPlace {
  readonly base: object
  readonly proto?: unknown
}

function refuses(what: string): () => never {
  return () => {
    throw noWords(what)
  }
}

/** https://arktype.io/docs/type-api#tojsonschema */
const arktype = {
  fallback: {
    date: () => dateText,
    proto: ({ proto }: ArkPlace): object => {
      if (proto === Date) return dateText
      throw noWords('an instance of a class')
    },
    predicate: ({ base }: ArkPlace): object => ({ ...base, $comment: codeComment }),
    patternIntersection: ({ base }: ArkPlace): object => ({ ...base, $comment: codeComment }),
    domain: refuses('a bigint, symbol or function'),
    morph: refuses('a transform'),
    unit: refuses('undefined, or another value'),
    symbolKey: refuses('a symbol as key'),
    arrayObject: refuses('a list with fields'),
    arrayPostfix: refuses('entries after those of any number'),
  },
}

interface ValibotSchema {
  readonly type: string
  readonly entries?: Readonly<Record<string, { readonly default?: unknown }>>
}
interface ValibotSchemaPlace {
  readonly valibotSchema: ValibotSchema
  readonly jsonSchema: { readonly required?: readonly string[] }
}
interface ValibotActionPlace {
  readonly valibotAction: { readonly kind: string; readonly type: string }
  readonly jsonSchema: object
  readonly errors?: readonly string[]
}

/** Transforms of a text that leave it a text. */
const stillText: ReadonlySet<string> = new Set(
  'trim trim_start trim_end to_lower_case to_upper_case normalize'.split(' '),
)

/** The options of `toJsonSchema`, of `@valibot/to-json-schema`. */
const valibot = {
  errorMode: 'throw',
  overrideSchema: ({ valibotSchema: { type, entries }, jsonSchema }: ValibotSchemaPlace): object | undefined => {
    if (type === 'date') return dateText
    if (entries === undefined) return undefined
    // A field with a default is always there when it is read by its type, and is stored: it is not optional.
    const filled = Object.keys(entries).filter((name) => entries[name]?.default !== undefined)
    const required = [...new Set([...(jsonSchema.required ?? []), ...filled])]
    return filled.length === 0 ? undefined : { ...jsonSchema, required }
  },
  overrideAction: ({ valibotAction: { kind, type }, jsonSchema, errors }: ValibotActionPlace): object | undefined => {
    if (errors === undefined) return undefined
    if (kind === 'validation') return { ...jsonSchema, $comment: codeComment }
    return stillText.has(type) ? jsonSchema : undefined
  },
}

/** The `libraryOptions` of Standard JSON Schema, by vendor. */
export const vendorOptions: ReadonlyMap<string, object> = new Map<string, object>(
  Object.entries({ zod, arktype, valibot }),
)
