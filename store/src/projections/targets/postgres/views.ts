import { asText, type PostgresClient, type Row } from '../../../engines/postgres/driver.ts'
import { InvalidArgument } from '../../../model/errors.ts'
import { hasDependents, isOtherColumns } from './errors.ts'
import { quoted } from './names.ts'

/*
 * Readers see a generation through views in the target's schema, one for each of its tables. A view is replaced where its
 * columns allow it, which keeps the rights on it and what was built on top; otherwise it is made anew, and given the same
 * rights. All of it is one transaction: readers see the views of the one generation or those of the other.
 */

/** What is to be shown, and where. */
export interface Showing {
  /** The target's schema. */
  readonly schema: string
  /** The schema of the generation. */
  readonly from: string
  /** Views of the generation that was shown before. */
  readonly own: readonly string[]
}

// Parameters: schema.
const tables = `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
    and c.relname not like 'varve\\_%' order by c.relname`

// Parameters: schema.
const names = 'select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1'

// Parameters: schema, view. The owner's rights come with the view.
const rights = `select a.privilege_type, a.is_grantable, case a.grantee when 0 then null else r.rolname end
  from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
  left join pg_roles r on r.oid = a.grantee
  where n.nspname = $1 and c.relname = $2 and a.grantee <> c.relowner`

/** Shows a generation, and nothing more of the one before. Gives the names of its views. */
export async function showViews(client: PostgresClient, { schema, from, own }: Showing): Promise<readonly string[]> {
  const shown = await namesIn(client, tables, from)
  const taken = new Set(await namesIn(client, names, schema))
  for (const name of shown) {
    if (!taken.has(name) || own.includes(name)) continue
    throw new InvalidArgument(
      'generation',
      `has a table ${JSON.stringify(name)}, and so has schema ${JSON.stringify(schema)}, which shows it to readers: ` +
        'another projection, or one that ran without generations, made it. Name one of them otherwise, or drop it',
    )
  }
  for (const name of own) if (!shown.includes(name)) await dropView(client, schema, name)
  for (const name of shown) await showView(client, { schema, from, name })
  return shown
}

// Parameters: schema, view.
const columns = `select a.attname, format_type(a.atttypid, a.atttypmod),
    case when a.attcollation = 0 then null else quote_ident(ln.nspname) || '.' || quote_ident(l.collname) end
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  left join pg_collation l on l.oid = a.attcollation left join pg_namespace ln on ln.oid = l.collnamespace
  where n.nspname = $1 and c.relname = $2 and a.attnum > 0 order by a.attnum`

/**
 * Cuts views off from their tables, so that these can be dropped and made anew: until they are shown again they show no rows.
 * Rights on them, and what was built on top, stay.
 */
export async function cutViews(client: PostgresClient, { schema, own }: Omit<Showing, 'from'>): Promise<void> {
  for (const name of own) {
    const { rows } = await client.query({ text: columns, values: [schema, name], rowMode: 'array', types: asText })
    const nulls = (rows as readonly Row[]).map(([column, type, collation]) => {
      const collate = collation === null || collation === undefined ? '' : ` collate ${collation}`
      return `null::${type}${collate} as ${quoted(String(column))}`
    })
    const view = `${quoted(schema)}.${quoted(name)}`
    await client.query({ text: `create or replace view ${view} as select ${nulls.join(', ')} where false` })
  }
}

interface View {
  readonly schema: string
  readonly from: string
  readonly name: string
}

async function showView(client: PostgresClient, { schema, from, name }: View): Promise<void> {
  const view = `${quoted(schema)}.${quoted(name)}`
  const selection = `as select * from ${quoted(from)}.${quoted(name)}`
  await client.query({ text: 'savepoint varve_view' })
  try {
    await client.query({ text: `create or replace view ${view} ${selection}` })
    await client.query({ text: 'release savepoint varve_view' })
  } catch (error) {
    if (!isOtherColumns(error)) throw error
    await client.query({ text: 'rollback to savepoint varve_view' })
    const { rows } = await client.query({ text: rights, values: [schema, name], rowMode: 'array', types: asText })
    await dropView(client, schema, name)
    await client.query({ text: `create view ${view} ${selection}` })
    for (const row of rows as readonly Row[]) await client.query({ text: grantOf(view, row) })
  }
}

function grantOf(view: string, [right, isGrantable, role]: Row): string {
  const to = role === null || role === undefined ? 'public' : quoted(role)
  return `grant ${right} on ${view} to ${to}${isGrantable === 't' ? ' with grant option' : ''}`
}

async function dropView(client: PostgresClient, schema: string, name: string): Promise<void> {
  try {
    await client.query({ text: `drop view if exists ${quoted(schema)}.${quoted(name)}` })
  } catch (error) {
    if (!hasDependents(error)) throw error
    throw new InvalidArgument(
      'generation',
      `has other columns in ${JSON.stringify(name)} than the one that is shown, and something was built on that view: ` +
        `${(error as Error).message}. Drop it, publish again, and make it anew`,
    )
  }
}

async function namesIn(client: PostgresClient, text: string, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query({ text, values: [schema], rowMode: 'array', types: asText })
  return (rows as readonly Row[]).map(([name]) => String(name))
}
