import { type PostgresPool, rowOf, withoutTransactionLimit } from './driver.ts'
import { openFunctions } from './grant.ts'
import { layoutOf, type PostgresLayout } from './layout.ts'
import { quotedSchema } from './migrate.ts'
import { missingObjects } from './objects.ts'

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

const streamNames: Comparison = {
  check: 'stream names',
  fine: 'every event bears the name of its stream',
  sql: (schema) => `
    select count(*)::int as problems, min(format('the event at position %s bears the name of another stream', e.position)) as first
    from ${schema}.events e join ${schema}.streams s using (stream_no) where e.stream_id <> s.stream_id`,
}

/** Of archived events the tags stay. */
const tags: Comparison = {
  check: 'tags',
  fine: 'the index of tags has the tags of every event, and no others',
  sql: (schema) => `
    select count(*)::int as problems, min(format('tag %s at position %s is %s', to_json(tag), position,
      case when indexed then 'in the index only' else 'missing in the index' end)) as first
    from (select tag, position, bool_or(indexed) as indexed from (
      select unnest(tags) as tag, position, false as indexed from ${schema}.events
      union all select t.tag, t.position, true from ${schema}.event_tags t
        join ${schema}.log_head h on t.position > coalesce(h.archived_until, 0)) as both_sides
      group by tag, position having count(*) <> 2) as odd`,
}

/** `source`: where there is a row for each event that the streams have. */
const streamRows = (source: 'events' | 'event_keys'): Comparison => ({
  check: 'stream rows',
  fine: 'every stream is at the version of its last event, and has that many events',
  sql: (schema) => `
    select count(*)::int as problems, min(format('stream %s is at version %s and has %s events up to version %s',
      coalesce(s.stream_no, e.stream_no), s.version, coalesce(e.events, 0), coalesce(e.last, 0))) as first
    from ${schema}.streams s full join (
      select stream_no, count(*) as events, max(version) as last from ${schema}.${source} group by stream_no) as e using (stream_no)
    where s.version is distinct from coalesce(e.events, 0) or s.version is distinct from coalesce(e.last, 0)`,
})

const head: Comparison = {
  check: 'head',
  fine: 'the head is the last position, and there are as many events',
  sql: (schema) => `
    select count(*)::int as problems, min(format('the head says %s, the last of %s events is at position %s', h.position, e.events, e.last)) as first
    from (select h.position, coalesce(h.archived_until, 0) as archived from ${schema}.log_head h) as h,
      (select count(*) as events, coalesce(max(position), 0) as last from ${schema}.events) as e
    where h.position <> greatest(e.last, h.archived) or h.position <> e.events + h.archived`,
}

const keys: Comparison = {
  check: 'keys',
  fine: 'every event has its key, and archived events keep theirs',
  sql: (schema) => `
    select count(*)::int as problems, min(format('the %s at position %s', case
      when e.position is null then 'key of no event is' when k.position is null then 'event has no key'
      else 'key is of another event' end, coalesce(e.position, k.position))) as first
    from ${schema}.events e full join (
      select k.* from ${schema}.event_keys k join ${schema}.log_head h on k.position > h.archived_until) as k on k.position = e.position
    where (e.event_id, e.stream_no, e.version) is distinct from (k.event_id, k.stream_no, k.version)`,
}

const archivedKeys: Comparison = {
  check: 'archive',
  fine: 'of archived events every id and version is known',
  sql: (schema) => `
    select count(*)::int as problems, min(format('positions 1 to %s are archived, with %s keys', h.archived_until, k.keys)) as first
    from ${schema}.log_head h cross join lateral (
      select count(*) as keys from ${schema}.event_keys k where k.position <= h.archived_until) as k
    where k.keys <> h.archived_until`,
}

const partsThere: Comparison = {
  check: 'parts',
  fine: 'every part is attached, unless it is archived',
  sql: (schema) => `
    select count(*)::int as problems, min(format('the part of positions %s to %s is %s', p.first_position, p.last_position,
      case when p.archived_at is null then 'not attached, and not archived' else 'attached, and archived' end)) as first
    from ${schema}.event_parts p
    where (p.archived_at is null) <> exists (
      select from pg_inherits i where i.inhparent = '${schema.replaceAll("'", "''")}.events'::regclass
        and i.inhrelid::regclass = to_regclass('${schema.replaceAll("'", "''")}.' || quote_ident(p.table_name)))`,
}

const ofOneTable: readonly Comparison[] = [head, streamRows('events'), streamNames, tags]
const ofParts: readonly Comparison[] = [
  head,
  streamRows('event_keys'),
  streamNames,
  tags,
  partsThere,
  keys,
  archivedKeys,
]

/** Triggers that were dropped or switched off, of those that guard the log or complete it. $1: schema, $2: tables of parts */
const missingGuards = `
  select g.guarded || '.' || g.guard as guard from (
    select t.guarded, w.guard from unnest(array['events', 'event_keys', 'event_tags'] || $2::text[]) as t (guarded)
      cross join unnest(array['append_only', 'append_only_whole']) as w (guard)
    union all select 'log_head', w.guard from unnest(array['one_head', 'one_head_whole']) as w (guard)
    union all select 'pending_appends', 'settle_at_commit') as g
  where not exists (
    select from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = g.guarded and t.tgname = g.guard and t.tgenabled in ('O', 'A'))`

/** Looks at one state of the whole store, whoever appends meanwhile. */
export async function inspect(
  pool: PostgresPool,
  schema: string,
  { version, newest }: { readonly version: number; readonly newest: number },
): Promise<readonly PostgresFinding[]> {
  const says = `version ${version} of ${newest}: run 'varve migrate --up'`
  // An older schema has other tables.
  if (version !== newest) return [{ check: 'schema', state: 'warning', says }]
  const missing = await missingObjects(pool, schema)
  if (missing !== undefined) {
    // Nothing can be compared with what is not there.
    return [{ check: 'schema', state: 'damaged', says: `version ${version}, of which somebody has dropped ${missing}` }]
  }
  const name = quotedSchema(schema)
  const findings: PostgresFinding[] = [{ check: 'schema', state: 'ok', says: `version ${version}` }]
  const client = await pool.connect()
  try {
    // Locked before the state is fixed: a part that is archived in between would be in neither place.
    const lock = `lock table only ${name}.events in access share mode`
    await client.query({
      text: `begin isolation level repeatable read read only; set local statement_timeout = 0;
        set local idle_in_transaction_session_timeout = 0; ${lock}; ${withoutTransactionLimit}`,
    })
    const layout = await layoutOf(client, schema)
    for (const { check, fine, sql } of layout.state === 'parts' ? ofParts : ofOneTable) {
      const [problems, first] = await rowOf(client, { text: sql(name) })
      findings.push(found(check, fine, { problems: Number(problems), first }))
    }
    const tables = layout.parts.filter(({ state }) => state !== 'removed').map(({ table }) => table)
    const { rows } = await client.query({ text: missingGuards, values: [schema, tables] })
    findings.push(
      ...layoutFindings(layout),
      guarded((rows as readonly { readonly guard: string }[]).map(({ guard }) => guard)),
      closed(await openFunctions(client, schema)),
    )
    await client.query({ text: 'commit' })
    client.release()
    return findings
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Of events in one table there is nothing to say. */
function layoutFindings({
  state,
  positionsPerPart = 0,
  copiedUntil,
  archivedUntil,
  parts,
}: PostgresLayout): readonly PostgresFinding[] {
  if (state === 'one_table') return []
  if (state === 'converting') {
    const says = `positions up to ${copiedUntil} are copied into parts: go on with 'varve migrate --up --partition-events ${positionsPerPart}'`
    return [{ check: 'layout', state: 'warning', says }]
  }
  const attached = parts.filter((part) => part.state === 'attached')
  const archive = archivedUntil === 0 ? '' : `, positions 1 to ${archivedUntil} archived`
  const says = `${attached.length} parts of ${positionsPerPart} positions, up to ${attached.at(-1)?.lastPosition ?? 0}${archive}`
  return [{ check: 'layout', state: 'ok', says }]
}

interface Compared {
  readonly problems: number
  readonly first: string | null | undefined
}

function found(check: string, fine: string, { problems, first }: Compared): PostgresFinding {
  if (problems === 0) return { check, state: 'ok', says: fine }
  const more = problems === 1 ? '' : ` (and ${problems - 1} more like it)`
  return { check, state: 'damaged', says: `${first}${more}` }
}

function guarded(missing: readonly string[]): PostgresFinding {
  if (missing.length === 0)
    return { check: 'guards', state: 'ok', says: 'every change of what was appended is refused' }
  const says = `triggers that guard the log are gone or switched off: ${missing.join(', ')}`
  return { check: 'guards', state: 'warning', says }
}

function closed(open: string | undefined): PostgresFinding {
  if (open === undefined) return { check: 'rights', state: 'ok', says: "what is the owner's to do nobody else may do" }
  const says = `everybody who may use the schema may call ${open}, which is for the owner alone`
  return { check: 'rights', state: 'warning', says }
}
