import { quickPlans } from './0002-condition-match.ts'
import { holds } from './0003-the-append.ts'
import { settled } from './0005-append-one.ts'

/** What {@link settled} asks, asked at once: nearly every session says no to all of it. */
const settledAtOnce = `if current_setting('transaction_isolation') <> 'read committed'
    or current_setting('synchronous_commit') = 'off' or current_setting('lock_timeout') = '0'
  then
  ${settled}
  end if;`

/**
 * Version 10: ids that were made for the request are not looked for. `append_one` of version 5 and `append_together` of version 9
 * take one argument more, `ids_are_new`, which is false for whoever does not give it. The unique index stands behind it in any
 * case: an id that is there all the same writes nothing, and the call is sent again without the word.
 *
 * Of the rest the order is as before. Whoever may call `append` may call both.
 */
export const newIds: string = `
drop function append_one;
create function append_one(
  new_stream_id text, expected bigint, new_id uuid, new_type text, new_schema_version bigint, new_time bigint,
  new_content_type text, new_data text, new_data_bytes bytea,
  new_metadata_content_type text, new_metadata text, new_metadata_bytes bytea, new_tags text[],
  ids_are_new boolean default false,
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
  ${settledAtOnce}

  update streams t set version = t.version + 1
  where t.stream_id = new_stream_id and not t.tombstoned
    and (expected is null or ${holds('expected', 't.version', 't.truncate_before', 'false')})
    and (ids_are_new or not exists (select from known_events e where e.event_id = new_id))
  returning t.stream_no, t.version into number, landed;

  if number is null then
    insert into streams (stream_id, version)
    select new_stream_id, 1
    where (expected is null or expected = -1)
      and not exists (select from streams t where t.stream_id = new_stream_id)
      and (ids_are_new or not exists (select from known_events e where e.event_id = new_id))
    on conflict do nothing
    returning stream_no, version into number, landed;

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
  end if;

  update log_head h set position = h.position + 1 returning h.position - 1, h.parts_wanted_above into base, wanted_above;
  if wanted_above is not null then
    if base + 1 > wanted_above then perform make_parts(base + 1); end if;
    insert into event_keys (stream_no, version, position, event_id) values (number, landed, base + 1, new_id);
  end if;

  insert into events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
    content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
  values (base + 1, number, landed, new_id, new_time, new_schema_version, new_stream_id, new_type,
    new_content_type, new_data, new_data_bytes, new_metadata_content_type, new_metadata, new_metadata_bytes, new_tags);

  if new_tags is not null then
    insert into event_tags (tag, position) select t.tag, base + 1 from unnest(new_tags) as t (tag);
  end if;

  landed_versions := array[landed];
  -- As in version 3.
  listened := not pg_try_advisory_xact_lock(hashtextextended('varve_' || current_schema(), 0));
end $$;
revoke all on function append_one from public;

drop function append_together;
create function append_together(
  stream_ids text[], stream_counts int[], expecteds bigint[],
  event_streams int[], event_places int[], ids uuid[], type_names text[], schema_versions bigint[], times bigint[],
  content_types text[], texts text[], blobs bytea[],
  metadata_content_types text[], metadata_texts text[], metadata_blobs bytea[], tag_lists text[],
  request_ends int[], check_ends int[], check_streams int[], check_versions bigint[],
  ids_are_new boolean default false,
  out verdicts int[], out base bigint, out offsets int[], out landed_versions bigint[], out details jsonb,
  out listened boolean
)
language plpgsql volatile security definer ${quickPlans}
as $$
#variable_conflict use_column
declare
  stream_numbers bigint[];
  versions_before bigint[];
  wanted_above bigint;
  are_done boolean;
begin
  ${settledAtOnce}

  begin
    insert into streams (stream_id)
    select s.stream_id from unnest(stream_ids, expecteds) with ordinality as s (stream_id, expected, place)
    where (s.expected is null or s.expected = -1)
      and not exists (select from streams t where t.stream_id = s.stream_id)
    order by s.place
    on conflict do nothing;

    with moved as (
      update streams t set version = t.version + s.events
      from unnest(stream_ids, stream_counts, expecteds) with ordinality as s (stream_id, events, expected, place)
      where t.stream_id = s.stream_id and not t.tombstoned
        and (s.expected is null or ${holds('s.expected', 't.version', 't.truncate_before', 'false')})
      returning s.place, t.stream_no, t.version - s.events as version_before
    )
    select array_agg(m.stream_no order by m.place), array_agg(m.version_before order by m.place)
    into stream_numbers, versions_before from moved m;

    are_done := cardinality(stream_numbers) is not distinct from cardinality(stream_ids);
    if are_done and not ids_are_new then
      are_done := not exists (select from unnest(ids) as i (event_id) join known_events e on e.event_id = i.event_id);
    end if;
    if not are_done then
      raise exception using errcode = 'VV006', message = 'not every request of the batch can be done';
    end if;
  exception when sqlstate 'VV006' then
    -- What follows asks whether they are.
    null;
  end;

  if not are_done then
    select a.verdicts, a.base, a.offsets, a.landed_versions, a.details, a.listened
    into verdicts, base, offsets, landed_versions, details, listened
    from append(stream_ids, stream_counts, event_streams, event_places, ids, type_names, schema_versions, times,
      content_types, texts, blobs, metadata_content_types, metadata_texts, metadata_blobs, tag_lists,
      request_ends, check_ends, check_streams, check_versions, null, null, null, false) as a;
    return;
  end if;

  landed_versions := array(
    select versions_before[u.stream] + u.nth
    from unnest(event_streams, event_places) with ordinality as u (stream, nth, place) order by u.place);

  update log_head h set position = h.position + cardinality(ids)
  returning h.position - cardinality(ids), h.parts_wanted_above into base, wanted_above;
  if base + cardinality(ids) > wanted_above then perform make_parts(base + cardinality(ids)); end if;

  insert into events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
    content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
  select base + e.place, stream_numbers[event_streams[e.place]], landed_versions[e.place],
    ids[e.place], times[e.place], schema_versions[e.place], stream_ids[event_streams[e.place]], type_names[e.place],
    content_types[e.place], texts[e.place], blobs[e.place], metadata_content_types[e.place], metadata_texts[e.place],
    metadata_blobs[e.place], tag_lists[e.place]::text[]
  from generate_subscripts(ids, 1) as e (place);

  if wanted_above is not null then
    insert into event_keys (stream_no, version, position, event_id)
    select stream_numbers[event_streams[e.place]], landed_versions[e.place], base + e.place, ids[e.place]
    from generate_subscripts(ids, 1) as e (place);
  end if;

  if tag_lists is not null then
    insert into event_tags (tag, position)
    select t.tag, base + e.place
    from unnest(tag_lists) with ordinality as e (tags, place) cross join unnest(e.tags::text[]) as t (tag);
  end if;

  -- As in version 3.
  listened := not pg_try_advisory_xact_lock(hashtextextended('varve_' || current_schema(), 0));
end $$;
revoke all on function append_together from public;

do $$
declare
  caller regrole;
begin
  for caller in
    select a.grantee from pg_proc p cross join aclexplode(p.proacl) a
    where p.oid = 'append'::regproc and a.grantee <> 0 and a.grantee <> p.proowner
  loop
    execute format('grant execute on function append_one, append_together to %s', caller);
  end loop;
end $$;
`
