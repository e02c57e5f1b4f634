/**
 * Schema 3: where events of a correlation id lie. There may be an id for every event, and a posting list for each cost
 * four tenths of the append rate: here a chunk of the log has one list for all of its ids (correlations.ts).
 */
export const correlations = `
create table correlations (
  last_position integer primary key,
  first_position integer not null,
  list blob not null
);

create trigger correlations_are_never_changed before update on correlations
begin select raise(abort, 'chunks are append-only'); end;
create trigger correlations_are_never_deleted before delete on correlations
begin select raise(abort, 'chunks are append-only'); end;
create trigger correlations_are_never_replaced before insert on correlations
when exists (select 1 from correlations where last_position = new.last_position)
begin select raise(abort, 'chunks are append-only'); end;
`
