import { asText, type PostgresClient, type Row } from '../../../engines/postgres/driver.ts'
import type { TargetEntry } from '../../../model/target.ts'
import { literal, quoted } from './names.ts'

/*
 * What a schema holds, table by table. A key is JSON: the table and the primary key; without one the whole row and how many
 * of the same came before. A value is the row as jsonb, whose text does not depend on the order of columns.
 */

/** A column with this comment is left out when builds are compared: a time of writing, for instance. */
export const notCompared = 'varve: not compared'

const pageRows = 1_000

// Parameters: schema. Partitions are listed as part of their table.
const tables = `
  select c.relname,
    coalesce((select json_agg(a.attname order by k.place)
      from pg_index i, unnest(i.indkey::smallint[]) with ordinality k (attnum, place)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indrelid = c.oid and i.indisprimary), '[]'),
    coalesce((select json_agg(a.attname) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and col_description(c.oid, a.attnum) = ${literal(notCompared)}), '[]')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition and c.relname not like 'varve\\_%'
  order by c.relname`

/** Lists a schema, in a transaction that sees it as it was when the listing began. */
export async function* postgresEntries(client: PostgresClient, schema: string): AsyncGenerator<TargetEntry> {
  const found = await client.query({ text: tables, values: [schema], rowMode: 'array', types: asText })
  const parts = (found.rows as readonly Row[]).map((row) => selectionOf(schema, row.map(String)))
  if (parts.length === 0) return
  // What text looks like depends on these.
  await client.query({
    text: `set local timezone = 'UTC'; set local intervalstyle = 'iso_8601'; set local bytea_output = 'hex';
      declare varve_entries no scroll cursor for select key::text, value::text from (${parts.join(' union all ')}) as entries
      order by key::text collate "C"`,
  })
  for (;;) {
    const { rows } = await client.query({
      text: `fetch ${pageRows} from varve_entries`,
      rowMode: 'array',
      types: asText,
    })
    for (const [key, value] of rows as readonly Row[]) yield { key: String(key), value: String(value) }
    if (rows.length < pageRows) return
  }
}

function selectionOf(schema: string, [table = '', primary = '[]', leftOut = '[]']: readonly string[]): string {
  const row = `to_jsonb(r) - array(select json_array_elements_text(${literal(leftOut)}::json))`
  const columns = (JSON.parse(primary) as readonly string[]).map((column) => `r.${quoted(column)}`)
  const key = columns.length > 0 ? columns.join(', ') : `${row}, row_number() over (partition by ${row})`
  const from = `${quoted(schema)}.${quoted(table)}`
  return `select jsonb_build_array(${literal(table)}, ${key}) as key, ${row} as value from ${from} r`
}
