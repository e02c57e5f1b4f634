import type { PostgresPool } from './driver.ts'
import { quotedSchema } from './migrate.ts'

/** What a comparison of tables found. */
export interface PostgresFinding {
  /** What was looked at, in one or two words. */
  readonly check: string
  readonly state: 'ok' | 'warning' | 'damaged'
  /** What is so. */
  readonly says: string
}

/** Compares what must agree: a query that counts contradictions and names the first of them. */
interface Comparison {
  readonly check: string
  readonly fine: string
  readonly sql: (schema: string) => string
}

const comparisons: readonly Comparison[] = [
  {
    check: 'head',
    fine: 'the head is the last position, and there are as many events',
    sql: (schema) => `
      select count(*)::int as problems, min(format('the head says %s, the last of %s events is at position %s', h.position, e.events, e.last)) as first
      from ${schema}.log_head h, (select count(*) as events, coalesce(max(position), 0) as last from ${schema}.events) as e
      where h.position <> e.last or h.position <> e.events`,
  },
  {
    check: 'stream rows',
    fine: 'every stream is at the version of its last event, and has that many events',
    sql: (schema) => `
      select count(*)::int as problems, min(format('stream %s is at version %s and has %s events up to version %s',
        coalesce(s.stream_no, e.stream_no), s.version, coalesce(e.events, 0), coalesce(e.last, 0))) as first
      from ${schema}.streams s full join (
        select stream_no, count(*) as events, max(version) as last from ${schema}.events group by stream_no) as e using (stream_no)
      where s.version is distinct from coalesce(e.events, 0) or s.version is distinct from coalesce(e.last, 0)`,
  },
  {
    check: 'stream names',
    fine: 'every event bears the name of its stream',
    sql: (schema) => `
      select count(*)::int as problems, min(format('the event at position %s bears the name of another stream', e.position)) as first
      from ${schema}.events e join ${schema}.streams s using (stream_no) where e.stream_id <> s.stream_id`,
  },
  {
    check: 'tags',
    fine: 'the index of tags has the tags of every event, and no others',
    sql: (schema) => `
      select count(*)::int as problems, min(format('tag %s at position %s is %s', to_json(tag), position,
        case when indexed then 'in the index only' else 'missing in the index' end)) as first
      from (select tag, position, bool_or(indexed) as indexed from (
        select unnest(tags) as tag, position, false as indexed from ${schema}.events
        union all select tag, position, true from ${schema}.event_tags) as both_sides
        group by tag, position having count(*) <> 2) as odd`,
  },
]

/** Triggers that were dropped or switched off, of those that refuse changes. $1: schema */
const missingGuards = `
  select guard from unnest(array['events.append_only', 'events.append_only_whole', 'event_tags.append_only',
    'event_tags.append_only_whole', 'log_head.one_head', 'log_head.one_head_whole']) as g (guard)
  where not exists (
    select from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname || '.' || t.tgname = guard and t.tgenabled in ('O', 'A'))`

/** Looks at one state of the whole store, whoever appends meanwhile. */
export async function inspect(
  pool: PostgresPool,
  schema: string,
  { version, newest }: { readonly version: number; readonly newest: number },
): Promise<readonly PostgresFinding[]> {
  const client = await pool.connect()
  const findings: PostgresFinding[] = [
    version === newest
      ? { check: 'schema', state: 'ok', says: `version ${version}` }
      : { check: 'schema', state: 'warning', says: `version ${version} of ${newest}: run 'varve migrate --up'` },
  ]
  try {
    await client.query({ text: 'begin isolation level repeatable read read only; set local statement_timeout = 0' })
    for (const { check, fine, sql } of comparisons) {
      const { rows } = await client.query({ text: sql(quotedSchema(schema)) })
      findings.push(found(check, fine, rows[0] as Compared))
    }
    const { rows } = await client.query({ text: missingGuards, values: [schema] })
    findings.push(guarded((rows as readonly { readonly guard: string }[]).map(({ guard }) => guard)))
    await client.query({ text: 'commit' })
    client.release()
    return findings
  } catch (error) {
    client.release(true)
    throw error
  }
}

interface Compared {
  readonly problems: number
  readonly first: string | null
}

function found(check: string, fine: string, { problems, first }: Compared): PostgresFinding {
  if (problems === 0) return { check, state: 'ok', says: fine }
  const more = problems === 1 ? '' : ` (and ${problems - 1} more like it)`
  return { check, state: 'damaged', says: `${first}${more}` }
}

function guarded(missing: readonly string[]): PostgresFinding {
  if (missing.length === 0)
    return { check: 'guards', state: 'ok', says: 'every change of what was appended is refused' }
  const says = `triggers that refuse changes are gone or switched off: ${missing.join(', ')}`
  return { check: 'guards', state: 'warning', says }
}
