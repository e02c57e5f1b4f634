import { quickPlans } from './0002-condition-match.ts'
import { holds } from './0003-the-append.ts'
import { settled } from './0005-append-one.ts'

/** Streams that may be missing are made, and all that are as expected are moved, in the order of their ids. */
export const streamsMoved: string = `insert into streams (stream_id)
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
    into stream_numbers, versions_before from moved m;`

/**
 * What follows once it is known whether all are done, to the end of the function: version 3 judges each, or the head is moved and
 * the events are inserted.
 */
export const judgedOrInserted: string = `if not are_done then
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
revoke all on function append_together from public;`

/**
 * Version 9: the append of a batch in which nothing speaks against anything: requests that share no stream, carry no
 * condition, change no stream's state, and check only streams that they write, each with one expected version or none
 * (`expecteds`). That is what many appenders on their own streams make, and what nearly all of them hope for.
 *
 * 1. Rows of streams that may be missing are made, as in version 3.
 * 2. All rows that are open and as expected are moved in one statement, in the order of their ids: what version 3 locks,
 *    judges and then updates.
 * 3. The event ids, behind these locks.
 * 4. The head's row, which is held to the commit, and the events.
 *
 * This only ever says that all are done. Where a row was not moved or an id is known, the first three steps are taken back
 * with their locks, and version 3 judges each request. Locks are taken in the same order as there, so that neither waits for the
 * other in a circle. That the outer loop of step 2 is the list of streams, and so keeps their order, is what the settings of these
 * functions leave the planner, and what a test pins.
 */
export const appendTogether: string = `
create function append_together(
  stream_ids text[], stream_counts int[], expecteds bigint[],
  event_streams int[], event_places int[], ids uuid[], type_names text[], schema_versions bigint[], times bigint[],
  content_types text[], texts text[], blobs bytea[],
  metadata_content_types text[], metadata_texts text[], metadata_blobs bytea[], tag_lists text[],
  request_ends int[], check_ends int[], check_streams int[], check_versions bigint[],
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
  are_done boolean := true;
begin
  ${settled}

  begin
    ${streamsMoved}

    if cardinality(stream_numbers) is distinct from cardinality(stream_ids)
      or exists (select from unnest(ids) as i (event_id) join known_events e on e.event_id = i.event_id)
    then
      raise exception using errcode = 'VV006', message = 'not every request of the batch can be done';
    end if;
  exception when sqlstate 'VV006' then
    are_done := false;
  end;

  ${judgedOrInserted}
`
