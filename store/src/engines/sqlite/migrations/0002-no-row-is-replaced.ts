/**
 * Schema 2: `insert or replace` into names and lists is refused as `update` and `delete` are. It takes rows out without
 * firing a delete trigger, unless the connection has `recursive_triggers` on, so it has to be met before the insert.
 *
 * `events` has no such trigger: it would run for every event, and undo that several go in by one statement. Measured at
 * 256 appenders, it took 1.1 to 2.5 us of 13 to 18 for an event and 9 % of the rate.
 */
export const noRowIsReplaced = `
create trigger stream_postings_are_never_replaced before insert on stream_postings
when exists (select 1 from stream_postings where stream = new.stream and last_version = new.last_version)
begin select raise(abort, 'posting lists are append-only'); end;
create trigger postings_are_never_replaced before insert on postings
when exists (
  select 1 from postings where kind = new.kind and term = new.term and last_position = new.last_position
)
begin select raise(abort, 'posting lists are append-only'); end;
create trigger chunks_are_never_replaced before insert on chunks
when exists (select 1 from chunks where last_position = new.last_position)
begin select raise(abort, 'chunks are append-only'); end;

create trigger streams_are_never_replaced before insert on streams
when exists (select 1 from streams where number = new.number or name = new.name)
begin select raise(abort, 'a stream keeps its number and its name'); end;
create trigger types_are_never_replaced before insert on types
when exists (select 1 from types where number = new.number or name = new.name)
begin select raise(abort, 'a type keeps its number and its name'); end;
create trigger contents_are_never_replaced before insert on contents
when exists (select 1 from contents where number = new.number or name = new.name)
begin select raise(abort, 'a content type keeps its number and its name'); end;
`
