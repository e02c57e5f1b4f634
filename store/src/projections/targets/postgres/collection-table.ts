import { decodeName } from '../../../engines/postgres/names.ts'
import { InvalidArgument, LimitExceeded } from '../../../model/errors.ts'
import { limits } from '../../../model/limits.ts'
import { notCompared } from './entries.ts'
import { literal, quoted } from './names.ts'

/** The table of a collection. */
export interface CollectionTable {
  /** As SQL writes it. */
  readonly table: string
  /** Makes it, in place of the one before. */
  readonly make: string
}

/** What is looked up quickly. */
export interface CollectionIndexes {
  readonly fields: readonly string[]
  readonly contents: boolean
}

/**
 * A table named as the collection is.
 *
 * @throws INVALID_ARGUMENT
 */
export function collectionTable(name: string, { fields, contents }: CollectionIndexes): CollectionTable {
  if (typeof name !== 'string' || !/^[^\0"]+$/.test(name) || Buffer.byteLength(name) > 50 || /^varve_/.test(name)) {
    throw new InvalidArgument(
      'collection',
      "is not a name of 1 to 50 bytes without quotes that does not begin with 'varve_'",
    )
  }
  const table = quoted(name)
  const indexes = [
    ...fields.map((field) => `create index on ${table} ((document -> ${literal(field)}), id)`),
    ...(contents ? [`create index on ${table} using gin (document jsonb_path_ops)`] : []),
  ]
  const make = [
    `drop table if exists ${table}`,
    `create table ${table} (id text collate "C" primary key, document jsonb not null, position bigint not null)`,
    // It says how far the projection was, which depends on the batch an event came in.
    `comment on column ${table}.position is ${literal(notCompared)}`,
    ...indexes,
  ]
  return { table, make: make.join('; ') }
}

/** An id that was given, checked. */
export function checkedId(id: string): string {
  if (typeof id !== 'string' || !id.isWellFormed()) throw new InvalidArgument('id', 'is not a string')
  if (id.length > limits.documentIdChars) throw new LimitExceeded('documentIdChars', id.length, 'Use shorter ids.')
  return id
}

/** A row as a statement gives it. */
export type DocumentRow = Readonly<Record<'id' | 'document' | 'position', string>>

/** Rows as readers get them. */
export function documentsFrom<Document>(
  rows: readonly DocumentRow[],
): readonly { readonly id: string; readonly document: Document; readonly position: number }[] {
  return rows.map(({ id, document, position }) => ({
    id: decodeName(id),
    document: JSON.parse(document) as Document,
    position: Number(position),
  }))
}
