import { quickPlans } from './0002-condition-match.ts'

/** Whether a stream is as expected, as SQL: -1 no stream, -2 the stream exists, else its version. */
export const holds = (expected: string, version: string, start: string, closed: string): string => `(case ${expected}
      when -1 then ${closed} or ${version} < ${start}
      when -2 then not ${closed} and ${version} >= ${start}
      else ${version} = ${expected} end)`

/**
 * Version 3: the append function. It commits many independent requests in one statement and says what became of each.
 *
 * Order of work, and why (docs/decisions/0003-postgresql-order.md):
 * 1. The rows of all streams, in the order of their ids: made if missing, then locked. Appends to one stream queue here.
 * 2. The event ids that are stored already, read behind those locks: a repeat whose first try is still under way has
 *    waited for it in step 1. An id that slips in through another stream meets the unique index, and the batch is sent again.
 * 3. The head's row is locked now when there is a condition to judge, so that nothing can slip in behind it.
 * 4. Each request in turn is judged against everything before it. Nothing raises: a loser gets its verdict, others go on.
 *    A batch of requests that have nothing to do with each other is judged as a whole, which is several times cheaper.
 * 5. The head's row, if not locked yet. It is held to the commit: whoever commits later has higher positions.
 * 6. One insert of all events, their tags, the new state of the streams. Where events lie in parts there is room for them
 *    first, and their ids and versions are inserted apart (version 6).
 *
 * Events lie in request order; \`request_ends\` has the last event of each request, \`check_ends\` the last check.
 * \`event_streams\` and \`check_streams\` are places in \`stream_ids\`, which is sorted and has no repeats; \`event_places\`
 * counts the events of a stream within the batch. An array that is null says nothing for any event.
 * Expected versions: -1 no stream, -2 the stream exists. \`twins\`: the earlier event of the batch with the same id, or 0.
 *
 * Verdicts: 1 done, 2 repeated, 3 conflict, 4 condition failed, 5 duplicate event id, 6 tombstoned; null: all done.
 * \`details\` has by request what a verdict other than 1 needs.
 */
export const theAppend: string = `
create function append(
  stream_ids text[], stream_counts int[],
  event_streams int[], event_places int[], ids uuid[], type_names text[], schema_versions bigint[], times bigint[],
  content_types text[], texts text[], blobs bytea[],
  metadata_content_types text[], metadata_texts text[], metadata_blobs bytea[], tag_lists text[],
  request_ends int[], check_ends int[], check_streams int[], check_versions bigint[],
  conditions jsonb, changes jsonb, twins int[], streams_shared boolean,
  out verdicts int[], out base bigint, out offsets int[], out landed_versions bigint[], out details jsonb,
  out listened boolean
)
language plpgsql volatile security definer ${quickPlans}
as $$
#variable_conflict use_column
declare
  stream_numbers bigint[];
  stream_rows tid[];
  stream_versions bigint[];
  stream_starts bigint[];
  stream_closed boolean[];
  any_closed boolean;
  known_streams text[];
  known_versions bigint[];
  known_positions bigint[];
  taken int := 0;
  first_event int;
  last_event int := 0;
  first_check int;
  last_check int := 0;
  verdict int;
  detail jsonb;
  condition jsonb;
  change jsonb;
  hit bigint;
  twin int;
  twins_landed int[];
  stream int;
  stored_count int;
  next_versions bigint[];
  is_repeat boolean;
  archived bigint;
  wanted_above bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'an append needs the isolation level read committed; this is %', current_setting('transaction_isolation')
      using errcode = 'VV001';
  end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  perform set_config('lock_timeout', '10s', true) where current_setting('lock_timeout') = '0';

  insert into streams (stream_id)
  select s.stream_id from unnest(stream_ids) with ordinality as s (stream_id, place)
  where not exists (select from streams t where t.stream_id = s.stream_id)
  order by s.place
  on conflict do nothing;

  select array_agg(l.ctid), array_agg(l.stream_no), array_agg(l.version), array_agg(l.truncate_before),
    array_agg(l.tombstoned), bool_or(l.tombstoned)
  into stream_rows, stream_numbers, stream_versions, stream_starts, stream_closed, any_closed
  from (
    select t.ctid, t.stream_no, t.version, t.truncate_before, t.tombstoned
    from unnest(stream_ids) with ordinality as s (stream_id, place) join streams t on t.stream_id = s.stream_id
    order by s.place
    for update of t
  ) as l;
  if cardinality(stream_numbers) is distinct from cardinality(stream_ids) then
    raise exception 'the row of a stream went away while it was waited for' using errcode = '40001';
  end if;

  if twins is not null or exists (select from unnest(ids) as i (event_id) join known_events e on e.event_id = i.event_id) then
    select array_agg(e.stream_id order by i.place), array_agg(e.version order by i.place),
      array_agg(e.position order by i.place)
    into known_streams, known_versions, known_positions
    from unnest(ids) with ordinality as i (event_id, place) left join known_events e on e.event_id = i.event_id;
  end if;

  if conditions is not null or twins is not null then
    select h.position, h.archived_until into base, archived from log_head h for update;
  end if;

  if not streams_shared and not any_closed and known_positions is null and conditions is null
    and changes is null and not exists (
      select from unnest(check_streams, check_versions) as c (place, expected)
      where not ${holds('c.expected', 'stream_versions[c.place]', 'stream_starts[c.place]', 'false')}
    )
  then
    landed_versions := array(
      select stream_versions[u.stream] + u.nth
      from unnest(event_streams, event_places) with ordinality as u (stream, nth, place) order by u.place);
    stream_versions := array(
      select u.version + u.events from unnest(stream_versions, stream_counts) with ordinality as u (version, events, place)
      order by u.place);
    taken := cardinality(ids);
  else
    verdicts := array_fill(1, array[cardinality(request_ends)]);
    offsets := array_fill(0, array[cardinality(ids)]);
    landed_versions := array_fill(0::bigint, array[cardinality(ids)]);
    -- By the first event of the batch with an id, the one that landed: requests before it may have been refused.
    twins_landed := array_fill(null::int, array[cardinality(ids)]);
    for request in 1 .. cardinality(request_ends) loop
      first_event := last_event + 1;
      last_event := request_ends[request];
      first_check := last_check + 1;
      last_check := check_ends[request];
      verdict := 1;
      detail := null;

      if known_positions is not null then
        stored_count := 0;
        is_repeat := true;
        next_versions := array_fill(null::bigint, array[cardinality(stream_ids)]);
        for event in first_event .. last_event loop
          stream := event_streams[event];
          twin := twins_landed[twins[event]];
          if twin is not null and known_positions[event] is null then
            known_streams[event] := stream_ids[event_streams[twin]];
            known_versions[event] := landed_versions[twin];
            known_positions[event] := base + offsets[twin];
          end if;
          if known_positions[event] is null then
            is_repeat := false;
            continue;
          end if;
          stored_count := stored_count + 1;
          if stored_count = 1 then
            detail := jsonb_build_object('event', event, 'stream', known_streams[event]);
          end if;
          is_repeat := is_repeat and known_streams[event] = stream_ids[stream]
            and coalesce(next_versions[stream], known_versions[event]) = known_versions[event];
          next_versions[stream] := known_versions[event] + 1;
        end loop;
        if stored_count > 0 then
          verdict := case when is_repeat then 2 else 5 end;
          if is_repeat then
            detail := (select jsonb_agg(jsonb_build_array(r.version, r.position) order by r.place)
              from unnest(known_versions[first_event : last_event], known_positions[first_event : last_event])
                with ordinality as r (version, position, place));
          end if;
        end if;
      end if;

      if verdict = 1 and any_closed then
        for event in first_event .. last_event loop
          if stream_closed[event_streams[event]] then
            verdict := 6;
            detail := to_jsonb(event_streams[event]);
            exit;
          end if;
        end loop;
      end if;

      if verdict = 1 then
        for place in first_check .. last_check loop
          stream := check_streams[place];
          if not ${holds('check_versions[place]', 'stream_versions[stream]', 'stream_starts[stream]', 'stream_closed[stream]')} then
            verdict := 3;
            detail := jsonb_build_array(place, stream_versions[stream]);
            exit;
          end if;
        end loop;
      end if;

      if verdict = 1 and conditions is not null then
        condition := conditions -> request::text;
        if condition is not null then
          if jsonb_typeof(condition -> 'items') = 'null' then
            hit := case when base + taken > (condition -> 'after')::bigint then (condition -> 'after')::bigint + 1 end;
          else
            hit := (select min(condition_match((condition -> 'after')::bigint, i.item, archived))
              from jsonb_array_elements(condition -> 'items') as i (item));
            hit := least(hit, (select min(base + offsets[m.event::int]) from jsonb_array_elements_text(condition -> 'earlier') as m (event)
              where offsets[m.event::int] > 0 and base + offsets[m.event::int] > (condition -> 'after')::bigint));
          end if;
          if hit is not null then
            verdict := 4;
            detail := to_jsonb(hit);
          end if;
        end if;
      end if;

      if verdict = 1 then
        for event in first_event .. last_event loop
          stream := event_streams[event];
          stream_versions[stream] := stream_versions[stream] + 1;
          landed_versions[event] := stream_versions[stream];
          taken := taken + 1;
          offsets[event] := taken;
          if twins is not null then
            twins_landed[coalesce(nullif(twins[event], 0), event)] := event;
          end if;
        end loop;
        if changes is not null then
          for change in select c.change from jsonb_array_elements(changes) as c (change)
            where (c.change -> 'event')::int between first_event and last_event
          loop
            stream := (change -> 'stream')::int;
            stream_starts[stream] := coalesce((change -> 'truncate_before')::bigint, stream_starts[stream]);
            if change ? 'tombstoned' then
              stream_closed[stream] := true;
              any_closed := true;
            end if;
          end loop;
        end if;
      else
        verdicts[request] := verdict;
        details := coalesce(details, '{}') || jsonb_build_object(request, detail);
      end if;
    end loop;
  end if;

  if taken > 0 then
    -- The rows are locked, so they are still where they were found.
    update streams t
    set version = stream_versions[s.place], truncate_before = stream_starts[s.place], tombstoned = stream_closed[s.place]
    from generate_subscripts(stream_rows, 1) as s (place)
    where t.ctid = stream_rows[s.place]
      and (t.version <> stream_versions[s.place] or t.truncate_before <> stream_starts[s.place]
        or t.tombstoned <> stream_closed[s.place]);

    update log_head h set position = h.position + taken
    returning h.position - taken, h.parts_wanted_above into base, wanted_above;
    if base + taken > wanted_above then perform make_parts(base + taken); end if;

    insert into events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
      content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
    select base + coalesce(offsets[e.place], e.place), stream_numbers[event_streams[e.place]], landed_versions[e.place],
      ids[e.place], times[e.place], schema_versions[e.place], stream_ids[event_streams[e.place]], type_names[e.place],
      content_types[e.place], texts[e.place], blobs[e.place], metadata_content_types[e.place], metadata_texts[e.place],
      metadata_blobs[e.place], tag_lists[e.place]::text[]
    from generate_subscripts(ids, 1) as e (place)
    where offsets[e.place] is distinct from 0;

    if wanted_above is not null then
      insert into event_keys (stream_no, version, position, event_id)
      select stream_numbers[event_streams[e.place]], landed_versions[e.place], base + coalesce(offsets[e.place], e.place),
        ids[e.place]
      from generate_subscripts(ids, 1) as e (place)
      where offsets[e.place] is distinct from 0;
    end if;

    if tag_lists is not null then
      insert into event_tags (tag, position)
      select t.tag, base + coalesce(e.landed, e.place)
      from unnest(tag_lists, offsets) with ordinality as e (tags, landed, place) cross join unnest(e.tags::text[]) as t (tag)
      where e.landed is distinct from 0;
    end if;
  end if;

  if 0 = any (stream_versions) then
    -- Rows made only to be locked. Nobody has seen them: they were made in this transaction.
    delete from streams t
    where t.stream_no = any (stream_numbers) and t.version = 0 and t.truncate_before = 1 and not t.tombstoned;
  end if;

  -- Whoever listens holds this lock, shared. Nobody does: it is kept to the commit, and who begins to listen meanwhile gets
  -- it only then, and reads.
  listened := not pg_try_advisory_xact_lock(hashtextextended('varve_' || current_schema(), 0));
end $$;
revoke all on function append from public;
`
