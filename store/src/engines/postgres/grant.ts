import { EngineFailed } from '../../model/errors.ts'
import { type PostgresClient, type PostgresPool, rowOf } from './driver.ts'
import { stateOf } from './errors.ts'
import { quotedSchema } from './migrate.ts'
import { callable, ownersAlone, readable } from './objects.ts'

/** What a role needs that appends and reads, and nothing more. Run by the owner of the schema. */
export function grantScript(schema: string, role: string): string {
  const [name, to] = [quotedSchema(schema), quotedSchema(role)]
  const named = (names: readonly string[]): string => names.map((one) => `${name}.${one}`).join(', ')
  return `revoke all on function ${named([...ownersAlone, ...callable])} from public;
grant usage on schema ${name} to ${to};
grant select on ${named(readable)} to ${to};
grant select, insert, update, delete on ${name}.shelf to ${to};
grant execute on function ${named(callable)} to ${to};
`
}

/** $1: schema, $2: role. Whether the role lacks anything of the above: `grant` only warns whoever may not give it. */
const selectLacks = `
  select exists (
    select from pg_namespace n where n.nspname = $1 and not has_schema_privilege($2, n.oid, 'usage')
    union all
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = any ($3) and not has_table_privilege($2, c.oid, 'select')
    union all
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join unnest(array['select', 'insert', 'update', 'delete']) as w (wanted)
    where n.nspname = $1 and c.relname = 'shelf' and not has_table_privilege($2, c.oid, w.wanted)
    union all
    select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = $1 and p.proname = any ($4) and not has_function_privilege($2, p.oid, 'execute'))`

/**
 * Gives a role its rights.
 *
 * @throws ENGINE_FAILED when they are not for this role to give, or there is no such role.
 */
export async function grantTo(pool: PostgresPool, schema: string, role: string): Promise<void> {
  try {
    await pool.query({ text: grantScript(schema, role) })
  } catch (error) {
    if (stateOf(error) === '42704') throw noRole(role, error)
    throw stateOf(error) === '42501' ? notTheirs(schema, error) : error
  }
  const [lacks] = await rowOf(pool, { text: selectLacks, values: [schema, role, readable, callable] })
  if (lacks === 't') throw notTheirs(schema)
}

function noRole(role: string, cause: unknown): EngineFailed {
  return new EngineFailed(
    'postgres',
    `the role ${JSON.stringify(role)} does not exist. Create it first: create role ${quotedSchema(role)} login`,
    { cause },
  )
}

function notTheirs(schema: string, cause?: unknown): EngineFailed {
  return new EngineFailed(
    'postgres',
    `only the owner of the schema ${JSON.stringify(schema)} and of all that is in it may give rights there. Connect as the owner`,
    { cause },
  )
}

/** $1: schema. The functions that everybody may call and should not: a restore without privileges leaves them so. */
const selectOpen = `
  select string_agg(p.proname, ', ' order by p.proname) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = $1 and p.proname = any ($2) and exists (
    select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where a.grantee = 0 and a.privilege_type = 'EXECUTE')`

/** The functions of a store that everybody may call who may use its schema, though they are the owner's; undefined for none. */
export async function openFunctions(client: PostgresClient, schema: string): Promise<string | undefined> {
  const [names] = await rowOf(client, { text: selectOpen, values: [schema, ownersAlone] })
  return names ?? undefined
}
