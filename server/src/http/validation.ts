import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { InvalidArgument } from 'varve'
import { type QueryString, undecodable } from './query-string.ts'

/**
 * Checks requests against the schemas of their routes. Nothing is guessed, dropped or turned into something else: only
 * a query string, which has no types of its own, gets its numbers and lists.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = compiledOf(schema)
  const ofQuery = httpPart === 'querystring'
  return (value: unknown) => {
    try {
      const given = ofQuery ? typedQuery(schema as Node, value as QueryString) : value
      if (compiled.Check(given)) return { value: given }
      return { error: refusalOf(compiled.Errors(given) as Finding[], schema as Node, ofQuery ? '' : (httpPart ?? '')) }
    } catch (error) {
      return { error: error as Error }
    }
  }
}

/** What is compiled of a schema is the same for every server of a process, and was a fifth of the start of each. */
const compiledSchemas = new WeakMap<TSchema, Validator>()

function compiledOf(schema: TSchema): Validator {
  const known = compiledSchemas.get(schema)
  if (known !== undefined) return known
  const compiled = Compile(schema)
  compiledSchemas.set(schema, compiled)
  return compiled
}

/** As much of JSON Schema as is looked at here. */
interface Node {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly anyOf?: readonly Node[]
  readonly [keyword: string]: unknown
}

/** One thing a schema found wrong. */
interface Finding {
  readonly keyword: string
  /** Where in the schema, as a JSON pointer. */
  readonly schemaPath: string
  /** Where in the value, as a JSON pointer. */
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
}

function typedQuery({ properties = {} }: Node, query: QueryString): Record<string, unknown> {
  const broken = query[undecodable]
  if (broken !== undefined) {
    throw new InvalidArgument('query string', `has ${JSON.stringify(broken)}, which is not percent-encoded UTF-8`)
  }
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, typedValue(properties[name], value)]))
}

function typedValue(node: Node | undefined, value: string | string[]): unknown {
  if (node?.type === 'array') return Array.isArray(value) ? value : [value]
  const mayBeNumber = node?.type === 'integer' || node?.anyOf?.some(({ type }) => type === 'integer')
  return mayBeNumber && typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
}

function refusalOf(findings: readonly Finding[], schema: Node, part: string): InvalidArgument {
  // Of an object with unknown fields each field is found wrong as well; of a union, each alternative.
  const union = findings.find(({ keyword }) => keyword === 'anyOf')
  const found = union ?? findings.find(({ keyword }) => keyword !== 'boolean') ?? findings[0]
  if (found === undefined) return new InvalidArgument(part, `is not ${notTaken}`)
  const place = placeOf(found.instancePath)
  const at = place === '' ? part : place
  switch (found.keyword) {
    case 'required': {
      const missing = String((found.params.requiredProperties as readonly string[])[0])
      return new InvalidArgument(place === '' ? missing : `${place}.${missing}`, 'is missing')
    }
    case 'additionalProperties': {
      const unknown = JSON.stringify((found.params.additionalProperties as readonly string[])[0])
      const known = Object.keys(nodeAt(schema, found.schemaPath).properties ?? {})
      const advice = known.length === 0 ? 'it takes none' : `it may have ${known.join(', ')}`
      return new InvalidArgument(at === '' ? 'query string' : at, `has an unknown field ${unknown}; ${advice}`)
    }
    case 'type':
      return new InvalidArgument(at, typeProblem(String(found.params.type), place === '' && part === 'body'))
    case 'enum':
      return new InvalidArgument(
        at,
        `is none of ${(found.params.allowedValues as readonly unknown[]).map(quoted).join(', ')}`,
      )
    case 'anyOf':
      return new InvalidArgument(at, `is not ${nodeAt(schema, found.schemaPath).description ?? notTaken}`)
    default:
      return new InvalidArgument(at, boundProblem(found) ?? `is not ${notTaken}`)
  }
}

const notTaken = 'what this route takes'

/** Descriptions tell what a field is for: only those of unions say what its value looks like. */
function boundProblem({ keyword, params }: Finding): string | undefined {
  const limit = String(params.limit)
  const [characters, items] = limit === '1' ? ['character', 'item'] : ['characters', 'items']
  const problems: Readonly<Record<string, string>> = {
    minimum: `is less than ${limit}`,
    maximum: `is more than ${limit}`,
    minLength: `is shorter than ${limit} ${characters}`,
    maxLength: `is longer than ${limit} ${characters}`,
    minItems: `has fewer than ${limit} ${items}`,
    maxItems: `has more than ${limit} ${items}`,
  }
  return problems[keyword]
}

function quoted(value: unknown): string {
  return JSON.stringify(value)
}

function typeProblem(type: string, isWholeBody: boolean): string {
  if (isWholeBody) return 'is not a JSON object: send one, with content-type: application/json'
  if (type === 'integer') return 'is not a whole number'
  if (type === 'array') return 'is not a list'
  return `is not ${type === 'object' ? 'an' : 'one'} ${type}`
}

/** `/events/0/event_type` as people write it: `events[0].event_type`. */
function placeOf(pointer: string): string {
  return stepsOf(pointer).reduce((path, step) => {
    if (/^\d+$/.test(step)) return `${path}[${step}]`
    return path === '' ? step : `${path}.${step}`
  }, '')
}

function nodeAt(schema: Node, pointer: string): Node {
  return stepsOf(pointer.replace(/^#/, '')).reduce((node, step) => (node[step] ?? {}) as Node, schema)
}

function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
