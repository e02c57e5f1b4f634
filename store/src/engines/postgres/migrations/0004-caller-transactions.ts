import { quickPlans } from './0002-condition-match.ts'

const numbered = 'unnest(stream_ids) with ordinality as s (stream_id, place)'

/**
 * Version 4: appending inside of a transaction that the caller has open.
 *
 * `append_within` does at once what concerns streams: it locks their rows in the order of their ids, looks for known event
 * ids, judges tombstones and expected versions, assigns versions. The events wait in `pending_events`. A constraint trigger
 * that is deferred to the commit does what concerns the log: it locks the head's row, judges conditions behind that lock,
 * moves the events into the log in the order of the calls and lets go of them. So positions are handed out under a lock that
 * is held from the commit on and not for the caller's work, and commit order stays position order.
 *
 * The staging tables are never seen by anybody else: what is in them at the commit is moved, what is not committed was never
 * there. So they need no log of their own (unlogged), and rows are told apart by their transaction only to be found quickly.
 *
 * Verdicts as in version 3, and 7 another isolation level: an answer and no exception, so that the caller's transaction
 * stays usable after every refusal. `detail` as there, for one request.
 *
 * The trigger's NOTIFY takes a lock over all notifying commits of the server. The commit holds the head's lock at that time
 * anyway, and a caller's commit is not seen by any process of Varve. It also makes PREPARE TRANSACTION fail, which would
 * leave the head locked for as long as the transaction stays prepared.
 */
export const callerTransactions: string = `
create unlogged table pending_appends (
  owner xid8 not null,
  append_no bigint generated always as identity,
  condition jsonb,
  primary key (owner, append_no)
);

create unlogged table pending_events (
  owner xid8 not null,
  append_no bigint not null,
  place int not null,
  stream_no bigint not null,
  version bigint not null,
  event_id uuid not null,
  recorded_at_ms bigint not null,
  schema_version bigint not null,
  stream_id text collate "C" not null,
  type text collate "C" not null,
  content_type text collate "C",
  data text collate "C",
  data_bytes bytea,
  metadata_content_type text collate "C",
  metadata text collate "C",
  metadata_bytes bytea,
  tags text[],
  primary key (owner, append_no, place)
);
create index pending_events_by_id on pending_events (owner, event_id);

create function condition_hit(condition jsonb, head bigint, archived bigint) returns bigint
language plpgsql volatile security definer ${quickPlans}
as $$
declare
  after constant bigint := (condition -> 'after')::bigint;
begin
  if jsonb_typeof(condition -> 'items') = 'null' then
    return case when head > after then after + 1 end;
  end if;
  return (select min(condition_match(after, i.item, archived)) from jsonb_array_elements(condition -> 'items') as i (item));
end $$;

create function append_within(
  stream_ids text[],
  event_streams int[], ids uuid[], type_names text[], schema_versions bigint[], times bigint[],
  content_types text[], texts text[], blobs bytea[],
  metadata_content_types text[], metadata_texts text[], metadata_blobs bytea[], tag_lists text[],
  check_streams int[], check_versions bigint[], condition jsonb, changes jsonb,
  out verdict int, out detail jsonb, out landed_versions bigint[]
)
language plpgsql volatile security definer ${quickPlans}
as $$
#variable_conflict use_column
declare
  owned constant xid8 := pg_current_xact_id();
  callers_timeout constant text := current_setting('lock_timeout');
  stream_numbers bigint[];
  stream_versions bigint[];
  stream_starts bigint[];
  stream_closed boolean[];
  next_versions bigint[];
  known record;
  known_count int := 0;
  is_repeat boolean := true;
  first_known jsonb;
  known_versions bigint[] := '{}';
  stream int;
  hit bigint;
  number bigint;
begin
  landed_versions := '{}';
  if current_setting('transaction_isolation') <> 'read committed' then
    verdict := 7;
    detail := to_jsonb(current_setting('transaction_isolation'));
    return;
  end if;
  if callers_timeout = '0' then perform set_config('lock_timeout', '10s', true); end if;

  insert into streams (stream_id)
  select s.stream_id from ${numbered}
  where not exists (select from streams t where t.stream_id = s.stream_id)
  order by s.place
  on conflict do nothing;

  select array_agg(l.stream_no), array_agg(l.version), array_agg(l.truncate_before), array_agg(l.tombstoned)
  into stream_numbers, stream_versions, stream_starts, stream_closed
  from (
    select t.stream_no, t.version, t.truncate_before, t.tombstoned
    from ${numbered} join streams t on t.stream_id = s.stream_id
    order by s.place
    for update of t
  ) as l;
  if cardinality(stream_numbers) is distinct from cardinality(stream_ids) then
    raise exception 'the row of a stream went away while it was waited for' using errcode = '40001';
  end if;
  perform set_config('lock_timeout', callers_timeout, true);

  verdict := 1;
  next_versions := array_fill(null::bigint, array[cardinality(stream_ids)]);
  for known in
    select i.place, k.stream_id, k.version from unnest(ids) with ordinality as i (event_id, place)
    left join lateral (
      select e.stream_id, e.version from known_events e where e.event_id = i.event_id
      union all
      select p.stream_id, p.version from pending_events p where p.owner = owned and p.event_id = i.event_id
      limit 1) as k on true
    order by i.place
  loop
    if known.version is null then
      is_repeat := false;
      continue;
    end if;
    known_count := known_count + 1;
    first_known := coalesce(first_known, jsonb_build_object('event', known.place, 'stream', known.stream_id));
    stream := event_streams[known.place];
    is_repeat := is_repeat and known.stream_id = stream_ids[stream]
      and coalesce(next_versions[stream], known.version) = known.version;
    next_versions[stream] := known.version + 1;
    known_versions := known_versions || known.version;
  end loop;

  if known_count > 0 and is_repeat then
    verdict := 2;
    landed_versions := known_versions;
  elsif known_count > 0 then
    verdict := 5;
    detail := first_known;
  end if;

  if verdict = 1 then
    detail := (select to_jsonb(e.stream) from unnest(event_streams) with ordinality as e (stream, place)
      where stream_closed[e.stream] order by e.place limit 1);
    if detail is not null then verdict := 6; end if;
  end if;

  if verdict = 1 then
    detail := (
      select jsonb_build_array(c.place, stream_versions[c.stream])
      from unnest(check_streams, check_versions) with ordinality as c (stream, expected, place)
      where not (case c.expected
        when -1 then stream_closed[c.stream] or stream_versions[c.stream] < stream_starts[c.stream]
        when -2 then not stream_closed[c.stream] and stream_versions[c.stream] >= stream_starts[c.stream]
        else stream_versions[c.stream] = c.expected end)
      order by c.place limit 1);
    if detail is not null then verdict := 3; end if;
  end if;

  -- What matches already will match at the commit too: said now, the caller's transaction stays usable.
  if verdict = 1 and condition is not null then
    hit := (select condition_hit(condition, h.position, h.archived_until) from log_head h);
    if hit is not null then
      verdict := 4;
      detail := to_jsonb(hit);
    end if;
  end if;

  if verdict = 1 then
    landed_versions := array(
      select stream_versions[e.stream] + row_number() over (partition by e.stream order by e.place)
      from unnest(event_streams) with ordinality as e (stream, place) order by e.place);

    update streams t set version = t.version + e.events
    from (select stream_numbers[u.stream] as stream_no, count(*) as events from unnest(event_streams) as u (stream) group by 1) as e
    where t.stream_no = e.stream_no;

    update streams t set truncate_before = coalesce(c.truncate_before, t.truncate_before),
      tombstoned = t.tombstoned or c.tombstoned
    from (
      select stream_numbers[(c.change -> 'stream')::int] as stream_no,
        (array_agg((c.change -> 'truncate_before')::bigint order by c.place desc) filter (where c.change ? 'truncate_before'))[1]
          as truncate_before,
        bool_or(c.change ? 'tombstoned') as tombstoned
      from jsonb_array_elements(changes) with ordinality as c (change, place) group by 1) as c
    where t.stream_no = c.stream_no;

    number := nextval(pg_get_serial_sequence('pending_appends', 'append_no'));
    insert into pending_events (owner, append_no, place, stream_no, version, event_id, recorded_at_ms, schema_version,
      stream_id, type, content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
    select owned, number, e.place, stream_numbers[e.stream], e.version, e.id, e.recorded, e.schema_version,
      stream_ids[e.stream], e.type, e.content_type, e.data, e.blob, e.metadata_content_type, e.metadata, e.metadata_blob,
      e.tags::text[]
    from unnest(event_streams, ids, type_names, schema_versions, times, content_types, texts, blobs,
      metadata_content_types, metadata_texts, metadata_blobs, tag_lists, landed_versions) with ordinality as e (
      stream, id, type, schema_version, recorded, content_type, data, blob, metadata_content_type, metadata,
      metadata_blob, tags, version, place);
  end if;

  -- Rows made only to be locked.
  delete from streams t
  where t.stream_no = any (stream_numbers) and t.version = 0 and t.truncate_before = 1 and not t.tombstoned;

  -- Last: where the caller has set constraints to be immediate, this is when the events move into the log.
  if number is not null then
    insert into pending_appends (owner, append_no, condition) overriding system value values (owned, number, condition);
  end if;
end $$;

create function settle_pending() returns trigger
language plpgsql volatile security definer ${quickPlans}
as $$
declare
  owned constant xid8 := pg_current_xact_id();
  callers_timeout constant text := current_setting('lock_timeout');
  last_position bigint;
  archived bigint;
  wanted_above bigint;
  taken int;
  pending record;
  hit bigint;
begin
  -- The first of several calls has settled all.
  if not exists (select from pending_appends a where a.owner = owned) then return null; end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if callers_timeout = '0' then perform set_config('lock_timeout', '10s', true); end if;
  select h.position, h.archived_until, h.parts_wanted_above into last_position, archived, wanted_above
  from log_head h for update;
  if wanted_above is not null then
    -- A lock that is new to this transaction makes it hear of parts that were made while it waited: the one that
    -- append_within took for a condition does not, and the plans below would be without them.
    lock table only events in row exclusive mode;
    taken := (select count(*) from pending_events p where p.owner = owned);
    if last_position + taken > wanted_above then perform make_parts(last_position + taken); end if;
  end if;
  perform set_config('lock_timeout', callers_timeout, true);

  for pending in select a.append_no, a.condition from pending_appends a where a.owner = owned order by a.append_no loop
    if pending.condition is not null then
      hit := condition_hit(pending.condition, last_position, archived);
      if hit is not null then
        raise exception 'CONDITION_FAILED: an event at position % matches the append condition, which allows none after %',
          hit, pending.condition -> 'after'
          using errcode = 'VV003', hint = 'Nothing was written: begin again, run the query again and decide again.';
      end if;
    end if;
    insert into events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type,
      content_type, data, data_bytes, metadata_content_type, metadata, metadata_bytes, tags)
    select last_position + p.place, p.stream_no, p.version, p.event_id, p.recorded_at_ms, p.schema_version, p.stream_id, p.type,
      p.content_type, p.data, p.data_bytes, p.metadata_content_type, p.metadata, p.metadata_bytes, p.tags
    from pending_events p where p.owner = owned and p.append_no = pending.append_no;
    get diagnostics taken = row_count;
    if wanted_above is not null then
      insert into event_keys (stream_no, version, position, event_id)
      select p.stream_no, p.version, last_position + p.place, p.event_id
      from pending_events p where p.owner = owned and p.append_no = pending.append_no;
    end if;
    insert into event_tags (tag, position)
    select t.tag, last_position + p.place from pending_events p cross join unnest(p.tags) as t (tag)
    where p.owner = owned and p.append_no = pending.append_no;
    last_position := last_position + taken;
  end loop;

  update log_head h set position = last_position;
  delete from pending_events p where p.owner = owned;
  delete from pending_appends a where a.owner = owned;
  perform pg_notify('varve_' || tg_table_schema, '');
  return null;
end $$;

create constraint trigger settle_at_commit after insert on pending_appends
  deferrable initially deferred for each row execute function settle_pending();
-- Also for a caller that has switched off triggers for itself (session_replication_role): its events would be lost.
alter table pending_appends enable always trigger settle_at_commit;
revoke all on function condition_hit, append_within, settle_pending from public;
`
