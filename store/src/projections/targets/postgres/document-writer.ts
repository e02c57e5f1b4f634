/**
 * The documents of one write:
 *
 *   load ahead > (get > put | delete)* > flush in two statements > over
 *
 * Handlers see what they have put; a query sees it too, for it flushes first.
 */
import { nameArray, textArray } from '../../../engines/postgres/encode.ts'
import { decodeName } from '../../../engines/postgres/names.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { checkDocument } from '../checked-document.ts'
import { type CollectionTable, checkedId, type DocumentRow, documentsFrom } from './collection-table.ts'
import type { Documents } from './documents.ts'
import { translated } from './errors.ts'
import { jsonOf, statementFor } from './question.ts'
import { late, type PostgresReadModel } from './read-model.ts'

/** The documents of a write, and its ends. */
export interface DocumentWriter<Document> {
  readonly documents: Documents<Document>
  /** Loads documents that handlers will ask for, in one statement. */
  load(ids: readonly string[]): Promise<void>
  /** Writes what was put and deleted, and refuses from then on: what came later would be lost. */
  finish(): Promise<void>
}

/** `position` is that of the checkpoint the write saves. */
export function createWriter<Document>(
  db: PostgresReadModel,
  { table }: CollectionTable,
  position: number,
): DocumentWriter<Document> {
  /** Texts by id, as they are in this transaction; undefined where there is none. */
  const known = new Map<string, string | undefined>()
  /** Ids of what is not written yet. */
  const changed = new Set<string>()

  async function run(sql: string, values: readonly unknown[]): Promise<readonly DocumentRow[]> {
    try {
      return (await db.query<DocumentRow>(sql, values)).rows
    } catch (error) {
      throw translated(error)
    }
  }

  async function load(ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !known.has(id))
    if (missing.length === 0) return
    const sql = `select id, document::text as document from ${table} where id = any($1::text[])`
    const rows = await run(sql, [nameArray(missing)])
    for (const id of missing) known.set(id, undefined)
    for (const { id, document } of rows) known.set(decodeName(id), document)
  }

  function change(id: string, text: string | undefined): void {
    known.set(id, text)
    changed.add(id)
  }

  async function flush(): Promise<void> {
    // In one order, so that two partitions that put the same documents wait for each other instead of both failing.
    const ids = [...changed].sort()
    changed.clear()
    const put = ids.filter((id) => known.get(id) !== undefined)
    const gone = ids.filter((id) => known.get(id) === undefined)
    const texts = put.map((id) => known.get(id))
    if (put.length > 0) await run(upsert(table), [nameArray(put), textArray(texts), position])
    if (gone.length > 0) await run(`delete from ${table} where id = any($1::text[])`, [nameArray(gone)])
  }

  const documents: Documents<Document> = {
    get: async (id) => {
      checkedId(id)
      if (!known.has(id)) await load([id])
      const text = known.get(id)
      return text === undefined ? undefined : (JSON.parse(text) as Document)
    },
    put: (id, document) => {
      checkDocument(document)
      change(checkedId(id), jsonOf(document, 'document'))
    },
    delete: (id) => change(checkedId(id), undefined),
    query: async (question = {}) => {
      const { sql, values } = statementFor(table, question)
      await flush()
      return documentsFrom(await run(sql, values))
    },
  }
  const { lent, end } = lend(documents)
  const finish = (): Promise<void> => {
    end()
    return flush()
  }
  return { documents: lent, load, finish }
}

/** Lends documents to handlers for as long as their write lasts. */
function lend<Document>(documents: Documents<Document>): {
  readonly lent: Documents<Document>
  readonly end: () => void
} {
  let isOver = false
  const open = (): Documents<Document> => {
    if (isOver) throw new TargetFailed('postgres', late)
    return documents
  }
  const lent: Documents<Document> = {
    get: async (id) => open().get(id),
    put: (id, document) => open().put(id, document),
    delete: (id) => open().delete(id),
    query: async (question) => open().query(question),
  }
  return {
    lent,
    end: () => {
      isOver = true
    },
  }
}

// Parameters: ids, documents as JSON, position.
const upsert = (table: string): string => `
  insert into ${table} (id, document, position)
  select id, document::jsonb, $3::bigint from unnest($1::text[], $2::text[]) as put (id, document)
  on conflict (id) do update set document = excluded.document, position = excluded.position`
