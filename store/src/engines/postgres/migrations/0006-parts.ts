/**
 * Version 6: events in parts, tables of equally many positions each, which `events` is then partitioned into.
 *
 * Room. Every append holds the head's row when it takes its positions, so it sees there when to make more parts:
 *
 *   position <= parts_wanted_above: nothing to do  >  entering the last part: make the next one  >  beyond it: make it now
 *
 * While there is room left, parts are attached under a lock that neither readers nor appends mind, and only if it is free: a
 * dump or an ANALYZE that holds it puts the making off by a sixteenth of a part. Only where there is no room left, because
 * parts are smaller than an append or the lock was never free, the lock is one that readers wait for.
 *
 * Why nobody misses a new part. A statement knows the parts that were attached when it was planned. An event is in a part
 * that its own append attached, under the lock that planning waits for; or in one that an earlier transaction had
 * attached, and was done with: its notice was given before it let go of the advisory lock in make_parts, which whoever goes
 * on into the next part takes. So whatever is planned after a snapshot was taken knows every part with an event in that
 * snapshot. Queries are planned before they take theirs, so parts are read by functions, which plan when they are called
 * (0007-reading-parts.ts).
 *
 * Why nobody misses an archived part. Archiving and attaching again lock `events` for themselves alone, and write down in
 * the head's row what is archived. A read locks `events` before it takes its snapshot: it finds a part, or that it is archived.
 *
 * Conversion. Events are copied into `events_parted`, chunk by chunk and each in a transaction of its own, while `events`
 * goes on as it is. Positions have no holes and events never change, so a counter says what is there. The last chunk is
 * copied under a lock, and then the tables change places. `drop table` ends what every other statement had planned.
 *
 * Archive. Whole parts are detached, from the oldest on. The head's row is locked before `events` is, since an append holds
 * it when it turns to `events`.
 */
export const parts: string = `
create table partitioning (
  only_row boolean primary key default true check (only_row),
  positions_per_part bigint not null check (positions_per_part > 0),
  copied_until bigint not null default 0
);

create table event_parts (
  first_position bigint primary key,
  last_position bigint not null,
  table_name text not null,
  archived_at timestamptz
);

create function add_part(parent text, first_position bigint, last_position bigint) returns void
language plpgsql volatile security definer set search_path from current
as $$
declare
  part constant text := 'events_p' || first_position;
begin
  execute format('create table %I (like %I including all)', part, parent);
  execute format('create trigger append_only_whole before truncate on %I for each statement execute function refuse_change()', part);
  execute format('alter table %I attach partition %I for values from (%s) to (%s)', parent, part, first_position, last_position + 1);
  insert into event_parts values (first_position, last_position, part);
end $$;

create function make_parts(needed bigint, parts_ahead int default 1) returns void
language plpgsql volatile security definer set search_path from current
as $$
declare
  size constant bigint := (select p.positions_per_part from partitioning p);
  made bigint;
  made_before bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('varve_parts_' || current_schema(), 0));
  made := (select max(p.last_position) from event_parts p);
  made_before := made;
  begin
    if needed > made then
      lock table only events in access exclusive mode;
    else
      lock table only events in share update exclusive mode nowait;
    end if;
  exception when lock_not_available then
    if needed > made then raise; end if;
    update log_head set parts_wanted_above = least(needed + greatest(size / 16, 1), made);
    return;
  end;
  while made < needed + parts_ahead * size loop
    perform add_part('events', made + 1, made + size);
    made := made + size;
  end loop;
  update log_head set parts_wanted_above = least(made_before, made - size);
end $$;

create function begin_partitioning(size bigint) returns void
language plpgsql volatile security definer set search_path from current
as $$
begin
  create table events_parted (like events including defaults including storage including compression, primary key (position))
    partition by range (position);
  create index events_parted_by_type on events_parted (type, position);
  create index events_parted_by_category on events_parted ((left(split_part(stream_id, '-', 1), 300)), position);
  create trigger append_only before update or delete on events_parted for each row execute function refuse_change();
  create trigger append_only_whole before truncate on events_parted for each statement execute function refuse_change();
  insert into partitioning (positions_per_part) values (size);
  perform add_part('events_parted', 1, size);
end $$;

create function copy_into_parts(events_max bigint, out copied bigint, out head bigint)
language plpgsql volatile security definer set search_path from current
as $$
declare
  size bigint;
  made bigint;
  until bigint;
  landed bigint;
  done boolean;
begin
  select p.copied_until, p.positions_per_part into copied, size from partitioning p for update;
  select h.position, h.archived_until is not null into head, done from log_head h;
  -- Somebody else was first, and what is called events lies in parts by now.
  if done then copied := head; end if;
  until := least(copied + events_max, head);
  if until = copied then return; end if;
  select max(p.last_position) into made from event_parts p;
  -- Two more than that, for the switch: tables that are there need not be made while others wait.
  while made < until + 2 * size loop
    perform add_part('events_parted', made + 1, made + size);
    made := made + size;
  end loop;
  insert into events_parted select e.* from events e where e.position > copied and e.position <= until order by e.position;
  get diagnostics landed = row_count;
  if landed <> until - copied then
    raise exception 'positions % to % hold % events', copied + 1, until, landed
      using errcode = 'VV005', hint = 'varve doctor says what is missing.';
  end if;
  insert into event_keys (stream_no, version, position, event_id)
  select e.stream_no, e.version, e.position, e.event_id from events e
  where e.position > copied and e.position <= until order by e.position;
  update partitioning set copied_until = until;
  copied := until;
end $$;

create function switch_to_parts(events_max bigint) returns boolean
language plpgsql volatile security definer set search_path from current
as $$
declare
  head bigint;
  done boolean;
  granted record;
begin
  -- Before the head's row: where events are one table, every append has read it when it comes to the head. The view comes
  -- first, and the table that it is a view of with it: in this order they are locked by whoever looks for an id.
  if (select h.archived_until is not null from log_head h) then return true; end if;
  lock table known_events in access exclusive mode;
  select h.position, h.archived_until is not null into head, done from log_head h for update;
  if done then return true; end if;
  if head - (select p.copied_until from partitioning p) > events_max then return false; end if;
  perform copy_into_parts(events_max);

  for granted in
    select a.grantee, a.privilege_type, a.is_grantable from pg_class c cross join aclexplode(c.relacl) as a
    where c.oid = 'events'::regclass
  loop
    execute format('grant %s on events_parted to %s%s', granted.privilege_type,
      case when granted.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(granted.grantee)) end,
      case when granted.is_grantable then ' with grant option' else '' end);
  end loop;
  create or replace view known_events as
    select k.event_id, s.stream_id, k.version, k.position from event_keys k join streams s using (stream_no);
  drop table events;
  alter table events_parted rename to events;
  alter index events_parted_pkey rename to events_pkey;
  alter index events_parted_by_type rename to events_by_type;
  alter index events_parted_by_category rename to events_by_category;
  update log_head set archived_until = 0;
  perform make_parts(head, 2);
  return true;
end $$;

create function archive_parts(before bigint) returns setof text
language plpgsql volatile security definer set search_path from current
as $$
declare
  head bigint;
  part record;
begin
  select h.position into head from log_head h for update;
  if before > head + 1 or not exists (select from event_parts p where p.first_position = before) then
    raise exception 'position % does not begin a part that is reached', before using errcode = 'VV005';
  end if;
  -- Shorter than a deadlock takes to be found: a caller's transaction that has looked at events may wait for the head.
  perform set_config('lock_timeout', '500ms', true);
  lock table only events in access exclusive mode;
  -- Longer than that: what is at work on a part is its autovacuum, which gives way once it is found to be waited for.
  perform set_config('lock_timeout', '3s', true);
  for part in
    select p.table_name from event_parts p where p.last_position < before and p.archived_at is null order by p.first_position
  loop
    execute format('alter table events detach partition %I', part.table_name);
    execute format('create trigger append_only before update or delete on %I for each row execute function refuse_change()',
      part.table_name);
    return next part.table_name;
  end loop;
  update event_parts set archived_at = now() where last_position < before and archived_at is null;
  update log_head set archived_until = greatest(archived_until, before - 1);
end $$;

create function prove_part(part text) returns void
language plpgsql volatile security definer set search_path from current
as $$
declare
  range record;
  events bigint;
begin
  select p.first_position as low, p.last_position as high into strict range from event_parts p where p.table_name = part;
  if not exists (select from pg_constraint c where c.conrelid = quote_ident(part)::regclass and c.conname = 'part_range') then
    execute format('alter table %I add constraint part_range check (position >= %s and position <= %s)', part, range.low, range.high);
  end if;
  execute format('select count(*) from %I', part) into events;
  if events <> range.high - range.low + 1 then
    raise exception 'table % has % events of the % at positions % to %', part, events, range.high - range.low + 1, range.low, range.high
      using errcode = 'VV005';
  end if;
end $$;

create function attach_parts(first_wanted bigint) returns setof text
language plpgsql volatile security definer set search_path from current
as $$
declare
  part record;
begin
  perform from log_head h for update;
  perform set_config('lock_timeout', '500ms', true);
  lock table only events in access exclusive mode;
  perform set_config('lock_timeout', '3s', true);
  for part in
    select p.table_name, p.first_position as low, p.last_position as high from event_parts p
    where p.last_position >= first_wanted and p.archived_at is not null order by p.first_position desc
  loop
    execute format('drop trigger if exists append_only on %I', part.table_name);
    execute format('alter table events attach partition %I for values from (%s) to (%s)', part.table_name, part.low, part.high + 1);
    execute format('alter table %I drop constraint part_range', part.table_name);
    update event_parts set archived_at = null where first_position = part.low;
    update log_head set archived_until = part.low - 1;
    return next part.table_name;
  end loop;
end $$;

revoke all on function add_part, make_parts, begin_partitioning, copy_into_parts, switch_to_parts, archive_parts, prove_part,
  attach_parts from public;
`
