/**
 * Schema 1: the log, and beside it the lists by which events are found.
 *
 * `events` is only ever appended to at its end and has no secondary index; what would be random index writes per event
 * is gathered in memory and written once per chunk as posting lists (docs/decisions/0002-deferred-posting-lists.md).
 * A list holds ascending positions as delta varints (postings.ts).
 */
export const theLog = `
create table events (
  position integer primary key,
  stream integer not null,
  version integer not null,
  id text not null,
  type integer not null,
  schema_version integer not null,
  content integer not null, -- the pair of content types; 0: both application/json
  recorded_at integer not null, -- milliseconds since 1970
  tags text, -- a JSON array; null when there are none
  data not null, -- text or blob, as it was given
  metadata not null
);

create table streams (
  number integer primary key,
  name text not null unique,
  truncate_before integer not null default 1,
  tombstoned integer not null default 0
);

create table types (number integer primary key, name text not null unique);

create table contents (number integer primary key, name text not null unique); -- JSON: [of data, of metadata]

-- Where the events of one stream lie; versions are without holes, so a version is a place in a list.
create table stream_postings (
  stream integer not null,
  last_version integer not null,
  first_version integer not null,
  first_position integer not null,
  last_position integer not null,
  list blob not null,
  primary key (stream, last_version)
) without rowid;

-- Where events of one type (kind 1), category (2) or tag (3) lie.
create table postings (
  kind integer not null,
  term text not null,
  last_position integer not null,
  first_position integer not null,
  list blob not null,
  primary key (kind, term, last_position)
) without rowid;

-- Runs of the log that the lists above cover, with the fingerprints of their event ids (event-ids.ts).
create table chunks (
  last_position integer primary key,
  first_position integer not null,
  fingerprints blob not null
);

create table shelf (
  key text primary key,
  value not null,
  version integer not null
) without rowid;

create trigger events_are_never_changed before update on events
begin select raise(abort, 'events are append-only'); end;
create trigger events_are_never_deleted before delete on events
begin select raise(abort, 'events are append-only'); end;
create trigger stream_postings_are_never_changed before update on stream_postings
begin select raise(abort, 'posting lists are append-only'); end;
create trigger stream_postings_are_never_deleted before delete on stream_postings
begin select raise(abort, 'posting lists are append-only'); end;
create trigger postings_are_never_changed before update on postings
begin select raise(abort, 'posting lists are append-only'); end;
create trigger postings_are_never_deleted before delete on postings
begin select raise(abort, 'posting lists are append-only'); end;
create trigger chunks_are_never_changed before update on chunks
begin select raise(abort, 'chunks are append-only'); end;
create trigger chunks_are_never_deleted before delete on chunks
begin select raise(abort, 'chunks are append-only'); end;
create trigger streams_keep_their_name before update of number, name on streams
begin select raise(abort, 'a stream keeps its number and its name'); end;
create trigger streams_are_never_deleted before delete on streams
begin select raise(abort, 'a stream keeps its number and its name'); end;
create trigger types_are_never_changed before update on types
begin select raise(abort, 'a type keeps its number and its name'); end;
create trigger types_are_never_deleted before delete on types
begin select raise(abort, 'a type keeps its number and its name'); end;
create trigger contents_are_never_changed before update on contents
begin select raise(abort, 'a content type keeps its number and its name'); end;
create trigger contents_are_never_deleted before delete on contents
begin select raise(abort, 'a content type keeps its number and its name'); end;
`
