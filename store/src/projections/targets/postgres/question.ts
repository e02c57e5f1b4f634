import { InvalidArgument, LimitExceeded } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownFields } from '../../../model/known-fields.ts'
import { limits } from '../../../model/limits.ts'
import { literal } from './names.ts'

const questionFields = fieldsOf<DocumentQuestion<object>>({
  where: true,
  contains: true,
  orderBy: true,
  direction: true,
  limit: true,
  skip: true,
})

/** A field of a document by its name. */
export type FieldOf<Document> = keyof Document & string

/** Which documents are asked for; without anything all, by id. */
export interface DocumentQuestion<Document> {
  /** Fields that have exactly these values, nested ones and `null` included. A document without the field is not found. */
  readonly where?: { readonly [Field in FieldOf<Document>]?: Document[Field] } | undefined
  /**
   * What documents contain, as PostgreSQL's `@>` has it: objects with at least these fields, arrays with at least these items,
   * at any depth.
   */
  readonly contains?: Containing<Document> | undefined
  /** The field to order by; among equals by id. Default: by id. */
  readonly orderBy?: FieldOf<Document> | undefined
  /** Default `'ascending'`. */
  readonly direction?: 'ascending' | 'descending' | undefined
  /** Documents at the most. Default 100, at most `limits.queriedDocuments`. */
  readonly limit?: number | undefined
  /** Documents to leave out at the beginning. Default 0. */
  readonly skip?: number | undefined
}

/** A part of a document. */
export type Containing<Value> = Value extends readonly (infer Item)[]
  ? readonly Containing<Item>[]
  : Value extends object
    ? { readonly [Field in keyof Value]?: Containing<Value[Field]> }
    : Value

/** A statement with its values. */
export interface Statement {
  readonly sql: string
  readonly values: readonly unknown[]
}

/**
 * The statement for a question; `table` is quoted.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function statementFor<Document>(table: string, question: DocumentQuestion<Document>): Statement {
  refuseUnknownFields(question, questionFields, 'question')
  const { where = {}, contains, orderBy, direction = 'ascending', limit = 100, skip = 0 } = question
  checkCounts(limit, skip)
  if (direction !== 'ascending' && direction !== 'descending') {
    throw new InvalidArgument('direction', "is none of 'ascending' and 'descending'")
  }
  const values: unknown[] = []
  const given = (value: unknown, argument: string): string => `$${values.push(jsonOf(value, argument))}::jsonb`
  const conditions = Object.entries(where).map(
    ([field, value]) => `document -> ${literal(field)} = ${given(value, `where.${field}`)}`,
  )
  if (contains !== undefined) conditions.push(`document @> ${given(contains, 'contains')}`)
  const downward = direction === 'descending' ? ' desc' : ''
  const order = orderBy === undefined ? '' : `document -> ${literal(orderBy)}${downward} nulls last, `
  const sql = `select id, document::text as document, position::text as position from ${table}
    ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
    order by ${order}id${downward} limit ${limit} offset ${skip}`
  return { sql, values }
}

function checkCounts(limit: number, skip: number): void {
  for (const [argument, value] of Object.entries({ limit, skip })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new InvalidArgument(argument, 'is not a whole number from 0 on')
  }
  if (limit > limits.queriedDocuments) {
    throw new LimitExceeded('queriedDocuments', limit, 'Ask for a page, and for the next one with skip.')
  }
}

/**
 * A value as JSON that PostgreSQL takes.
 *
 * @throws INVALID_ARGUMENT for what is no JSON, and for text with U+0000 or half of a pair, which jsonb does not hold.
 */
export function jsonOf(value: unknown, argument: string): string {
  const text = jsonText(value, argument)
  if (text === undefined) throw new InvalidArgument(argument, 'is no JSON')
  // An even number of backslashes before it stands for backslashes.
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(text)) {
    throw new InvalidArgument(
      argument,
      'has text with U+0000 or an unpaired surrogate in it, which jsonb does not hold',
    )
  }
  return text
}

function jsonText(value: unknown, argument: string): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw new InvalidArgument(argument, `is no JSON: ${(error as Error).message}`)
  }
}
