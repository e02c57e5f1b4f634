import type { TargetEntry } from '../../../model/target.ts'
import { openConnection, type SqliteRow, type SqliteValue } from './database.ts'
import { translated } from './errors.ts'

/*
 * What a file holds, table by table. A key is JSON: the table and the primary key; without one the whole row and how many
 * of the same came before. It is made by a function in SQL, so that SQLite sorts by it, outside of memory where it must.
 */

// Shadow tables belong to virtual ones, and depend on the order of what was written.
const tables = `select name, type from pragma_table_list
  where schema = 'main' and type in ('table', 'virtual') and name not like 'sqlite\\_%' escape '\\'
    and name not like 'varve\\_%' escape '\\'`

// Parameters: table.
const columns = 'select name, pk from pragma_table_xinfo(?) where hidden in (0, 2, 3) order by name'

/** Lists a file; it is read as it was when the listing began. */
export async function* sqliteEntries(path: string, busyMs: number): AsyncGenerator<TargetEntry> {
  const connection = openConnection(path, busyMs, 'pragma query_only = on')
  try {
    connection.function('varve_text', { varargs: true, useBigIntArguments: true }, (...values) => textOf(values))
    for (const { key, value } of connection.prepare(selectionOf(connection.prepare(tables).all(), tableIn)).iterate()) {
      yield { key: String(key), value: String(value) }
    }
  } catch (error) {
    throw translated(error, path)
  } finally {
    connection.close()
  }

  function tableIn(table: string): readonly SqliteRow[] {
    return connection.prepare(columns).all(table)
  }
}

function selectionOf(found: readonly SqliteRow[], columnsOf: (table: string) => readonly SqliteRow[]): string {
  const parts = found.map(({ name }) => selectionOfTable(String(name), columnsOf(String(name))))
  const none = 'select null as key, null as value where false'
  return `${[none, ...parts].join('\nunion all\n')}\norder by key`
}

function selectionOfTable(table: string, found: readonly SqliteRow[]): string {
  const names = found.map(({ name }) => identifier(String(name)))
  const row = `varve_text(${found.map(({ name }) => `${literal(String(name))}, ${identifier(String(name))}`).join(', ')})`
  const primary = found
    .filter(({ pk }) => Number(pk) > 0)
    .sort((left, right) => Number(left.pk) - Number(right.pk))
    .map(({ name }) => identifier(String(name)))
  const key =
    primary.length > 0
      ? primary.join(', ')
      : `${names.join(', ')}, row_number() over (partition by ${names.join(', ')})`
  return `select varve_text(${literal(table)}, ${key}) as key, ${row} as value from main.${identifier(table)}`
}

/** Values as JSON, in which each keeps its type: 1 is no 1.0, and bytes are no text. */
function textOf(values: readonly SqliteValue[]): string {
  return `[${values.map(valueText).join(',')}]`
}

function valueText(value: SqliteValue): string {
  if (value === null || typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : String(value)
  return `{"bytes":"${Buffer.from(value).toString('hex')}"}`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
