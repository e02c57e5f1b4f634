import { quickPlans } from './0002-condition-match.ts'
import { holds } from './0003-the-append.ts'
import { oneInserted, oneTaggedAndTold, settled } from './0005-append-one.ts'
import { judgedOrInserted, streamsMoved } from './0009-append-together.ts'

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

  ${oneInserted}

  ${oneTaggedAndTold}

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
    ${streamsMoved}

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

  ${judgedOrInserted}

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
