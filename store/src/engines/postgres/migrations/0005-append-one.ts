import { quickPlans } from './0002-condition-match.ts'
import { holds } from './0003-the-append.ts'

/** The isolation that judging needs, a commit that is kept, and a bound of waiting where the session has none. */
export const settled = `if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'an append needs the isolation level read committed; this is %', current_setting('transaction_isolation')
      using errcode = 'VV001';
  end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if current_setting('lock_timeout') = '0' then
    perform set_config('lock_timeout', '10s', true);
  end if;`

/** The event as a row, behind the locks of its stream and of the head. */
export const oneInserted: string = `insert into events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
    content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
  values (base + 1, number, landed, new_id, new_time, new_schema_version, new_stream_id, new_type,
    new_content_type, new_data, new_data_bytes, new_metadata_content_type, new_metadata, new_metadata_bytes, new_tags);`

/** Its tags, and the answer; the end of the function. */
export const oneTaggedAndTold: string = `if new_tags is not null then
    insert into event_tags (tag, position) select t.tag, base + 1 from unnest(new_tags) as t (tag);
  end if;

  landed_versions := array[landed];
  -- As in version 3.
  listened := not pg_try_advisory_xact_lock(hashtextextended('varve_' || current_schema(), 0));
end $$;
revoke all on function append_one from public;`

/**
 * Version 5: the append of one event to one stream, which is what an idle store is mostly asked for. Three look-ups by
 * value instead of ten statements over arrays, in the same order and under the same locks as in version 3:
 *
 * 1. The stream's row is moved if it is there, open and as expected, or made if none was expected.
 * 2. The head's row is moved, and is locked to the commit.
 * 3. The event is inserted.
 *
 * This only ever says done. Whatever is not plainly right goes to the function of version 3, which sees what was committed
 * meanwhile, judges again and finds the words: a known id, another version, a closed stream. An id that is committed
 * through another stream at the same time, or behind the wait for the stream's row, meets the unique index; nothing is
 * written then, and the call is sent again.
 */
export const appendOne: string = `
create function append_one(
  new_stream_id text, expected bigint, new_id uuid, new_type text, new_schema_version bigint, new_time bigint,
  new_content_type text, new_data text, new_data_bytes bytea,
  new_metadata_content_type text, new_metadata text, new_metadata_bytes bytea, new_tags text[],
  out verdicts int[], out base bigint, out offsets int[], out landed_versions bigint[], out details jsonb,
  out listened boolean
)
language plpgsql volatile security definer ${quickPlans}
as $$
#variable_conflict use_column
declare
  number bigint;
  landed bigint;
  wanted_above bigint;
begin
  ${settled}

  update streams t set version = t.version + 1
  where t.stream_id = new_stream_id and not t.tombstoned
    and (expected is null or ${holds('expected', 't.version', 't.truncate_before', 'false')})
    and not exists (select from known_events e where e.event_id = new_id)
  returning t.stream_no, t.version into number, landed;

  if number is null and (expected is null or expected = -1) then
    insert into streams (stream_id, version)
    select new_stream_id, 1
    where not exists (select from streams t where t.stream_id = new_stream_id)
      and not exists (select from known_events e where e.event_id = new_id)
    on conflict do nothing
    returning stream_no, version into number, landed;
  end if;

  if number is null then
    select a.verdicts, a.base, a.offsets, a.landed_versions, a.details, a.listened
    into verdicts, base, offsets, landed_versions, details, listened
    from append(
      array[new_stream_id], array[1], array[1], array[1], array[new_id], array[new_type], array[new_schema_version],
      array[new_time], array[new_content_type], array[new_data], array[new_data_bytes],
      array[new_metadata_content_type], array[new_metadata], array[new_metadata_bytes], array[new_tags::text],
      array[1], array[num_nonnulls(expected)], case when expected is not null then array[1] end,
      case when expected is not null then array[expected] end, null, null, null, false) as a;
    return;
  end if;

  update log_head h set position = h.position + 1 returning h.position - 1, h.parts_wanted_above into base, wanted_above;
  if base + 1 > wanted_above then perform make_parts(base + 1); end if;

  ${oneInserted}

  if wanted_above is not null then
    insert into event_keys (stream_no, version, position, event_id) values (number, landed, base + 1, new_id);
  end if;

  ${oneTaggedAndTold}
`
