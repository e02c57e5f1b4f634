import { type PostgresClient, rowOf } from './driver.ts'

/** What every role of a store reads. */
export const readable: readonly string[] = [
  'migrations',
  'log_head',
  'streams',
  'events',
  'event_keys',
  'event_tags',
  'partitioning',
  'event_parts',
]
/** What it calls. */
export const callable: readonly string[] = [
  'append',
  'append_one',
  'append_together',
  'append_within',
  'events_at',
  'events_between',
  'stream_in_parts',
  'walk_in_parts',
]

/** What runs with the owner's rights and is for the owner, and for the functions above. */
export const ownersAlone: readonly string[] = [
  'condition_match',
  'condition_hit',
  'match_in_parts',
  'settle_pending',
  'add_part',
  'make_parts',
  'begin_partitioning',
  'copy_into_parts',
  'switch_to_parts',
  'archive_parts',
  'prove_part',
  'attach_parts',
]

const tables = [...readable, 'known_events', 'shelf', 'pending_appends', 'pending_events']
const functions = [...callable, ...ownersAlone, 'refuse_change']

/** $1: schema, $2: tables and views, $3: functions */
const selectMissing = `
  select string_agg(format('%s %s', w.kind, w.name), ', ') from (
    select 'table' as kind, t.name from unnest($2::text[]) as t (name)
    where not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = t.name)
    union all
    select 'function', f.name from unnest($3::text[]) as f (name)
    where not exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1 and p.proname = f.name)) as w`

/** What a schema of the newest version has lost; undefined for nothing. */
export async function missingObjects(client: PostgresClient, schema: string): Promise<string | undefined> {
  const [names] = await rowOf(client, { text: selectMissing, values: [schema, tables, functions] })
  return names ?? undefined
}
