/**
 * Version 1: the log, its streams, its tags, its head, and the shelf. Run with the store's schema as the search path,
 * which the functions keep.
 *
 * - Text is compared by its bytes (collation C). Names escape NUL, which PostgreSQL cannot hold: see names.ts.
 * - A stream id may be longer than a B-tree entry: its uniqueness is a hash index's, its order that of its first 300
 *   characters, and events are found by the stream's number.
 * - `log_head` is one row. Whoever appends locks it last and holds it to the commit, so commit order is position order.
 * - A content type of null says application/json; exactly one of each pair of payload columns is there.
 * - Events lie in one table, or in parts: see 0006-parts.ts and 0007-reading-parts.ts. `log_head.archived_until` is null for one table, else the last
 *   position that is archived, 0 for none; an append that takes a position above `parts_wanted_above` makes parts first.
 * - In parts, ids and versions are kept unique by `event_keys`, since a unique index over parts has to have the position in
 *   it. `known_events` is where an id is looked up, in either case.
 */
export const theLog = `
create table log_head (
  only_row boolean primary key default true check (only_row),
  position bigint not null,
  archived_until bigint,
  parts_wanted_above bigint
) with (fillfactor = 10);
insert into log_head (position) values (0);

create table streams (
  stream_no bigint generated always as identity primary key,
  version bigint not null default 0,
  truncate_before bigint not null default 1,
  tombstoned boolean not null default false,
  stream_id text collate "C" not null,
  constraint streams_stream_id_unique exclude using hash (stream_id with =)
) with (fillfactor = 80);
create index streams_in_order on streams ((left(stream_id, 300)));

create table events (
  position bigint primary key,
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
  constraint events_version_unique unique (stream_no, version),
  constraint events_event_id_unique unique (event_id)
);
create index events_by_type on events (type, position);
create index events_by_category on events ((left(split_part(stream_id, '-', 1), 300)), position);

create table event_keys (
  stream_no bigint not null,
  version bigint not null,
  position bigint not null,
  event_id uuid not null,
  constraint event_keys_version_unique unique (stream_no, version) include (position),
  constraint event_keys_event_id_unique unique (event_id)
);

create view known_events as select e.event_id, e.stream_id, e.version, e.position from events e;

create table event_tags (
  tag text collate "C" not null,
  position bigint not null,
  primary key (tag, position)
);

create table shelf (
  key text collate "C" primary key,
  version bigint not null,
  value text,
  value_bytes bytea
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: % of % is refused', tg_op, tg_table_name using errcode = 'VV002';
end $$;
create trigger append_only before update or delete on events for each row execute function refuse_change();
create trigger append_only_whole before truncate on events for each statement execute function refuse_change();
create trigger append_only before update or delete on event_keys for each row execute function refuse_change();
create trigger append_only_whole before truncate on event_keys for each statement execute function refuse_change();
create trigger append_only before update or delete on event_tags for each row execute function refuse_change();
create trigger append_only_whole before truncate on event_tags for each statement execute function refuse_change();
create trigger one_head before delete on log_head for each row execute function refuse_change();
create trigger one_head_whole before truncate on log_head for each statement execute function refuse_change();
`
