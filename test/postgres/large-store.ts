import type { Client } from 'pg'

/** Events of a large store: enough that one full scan stands out among bounded reads. */
export const largeStoreEvents = Number(process.env.VARVE_LARGE_STORE_EVENTS ?? 200_000)

/** Of this type, of this tag and of this category there are ten events each, evenly over the log. */
export const rare = { type: 'ParcelLost', tag: 'parcel:lost', category: 'Claim' } as const

/** A quarter of all events is in this stream; the others are in many small ones. */
export const longStream = 'Sensor-1'

/**
 * Fills the tables of an empty store by SQL, which takes seconds where appends would take minutes. Nothing collects
 * statistics about them, so that both can be tested: a planner that knows nothing, and after `analyze` one that does.
 */
export async function fillStore(client: Client, schema: string, events = largeStoreEvents): Promise<void> {
  const small = Math.ceil(events / 10)
  for (const table of ['events', 'event_tags', 'streams', 'log_head']) {
    await client.query(`alter table ${schema}.${table} set (autovacuum_enabled = false)`)
  }
  await client.query(`
    insert into ${schema}.streams (stream_id, version)
    select '${longStream}', ${Math.floor(events / 4)}
    union all select '${rare.category}-1', 10
    union all select 'Order-' || n, 1 + (${events} - n) / ${small} from generate_series(1, ${small}) as n`)
  await client.query(`
    insert into ${schema}.events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
      data, metadata, tags)
    select e.position, s.stream_no, row_number() over (partition by s.stream_no order by e.position), lpad(to_hex(e.position), 32, '0')::uuid,
      1760000000000 + e.position, 1, s.stream_id,
      case when e.nth = 0 then '${rare.type}' when e.position % 10 = 3 then 'OrderPaid' else 'OrderPlaced' end,
      repeat('x', 100), '{}',
      array['all', 'customer:' || e.position % 1000] || case when e.nth = 0 then array['${rare.tag}'] else '{}' end
    from (
      select n as position, n % ${events / 10} as nth,
        case when n % ${events / 10} = 0 then '${rare.category}-1' when n % 4 = 1 then '${longStream}'
          else 'Order-' || 1 + n % ${small} end as stream_id
      from generate_series(1, ${events}) as n) as e
    join ${schema}.streams s on s.stream_id = e.stream_id
    order by e.position`)
  await client.query(`
    insert into ${schema}.event_tags (tag, position)
    select t.tag, e.position from ${schema}.events e cross join unnest(e.tags) as t (tag) order by t.tag, e.position`)
  await client.query(`update ${schema}.streams s set version = e.version
    from (select stream_no, count(*) as version from ${schema}.events group by stream_no) as e
    where e.stream_no = s.stream_no`)
  await client.query(`update ${schema}.log_head set position = ${events}`)
}
