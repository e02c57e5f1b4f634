import { quickPlans } from './0002-condition-match.ts'

/** The columns of an event, and their types, as functions give them. */
const fields = [
  ['position', 'bigint'],
  ['stream_no', 'bigint'],
  ['version', 'bigint'],
  ['event_id', 'uuid'],
  ['recorded_at_ms', 'bigint'],
  ['schema_version', 'bigint'],
  ['stream_id', 'text'],
  ['type', 'text'],
  ['content_type', 'text'],
  ['data', 'text'],
  ['data_bytes', 'bytea'],
  ['metadata_content_type', 'text'],
  ['metadata', 'text'],
  ['metadata_bytes', 'bytea'],
  ['tags', 'text[]'],
] as const

const eventTable = fields.map(([name, type]) => `"${name}" ${type}`).join(', ')
const columnsOf = (of: string): string => fields.map(([name]) => `${of}.${name}`).join(', ')

/** Payload and metadata of an event, in bytes; null for none. */
const bytesOf = (of: string): string =>
  `coalesce(octet_length(${of}.data), octet_length(${of}.data_bytes)) + coalesce(octet_length(${of}.metadata), octet_length(${of}.metadata_bytes))`

const category = "split_part(e.stream_id, '-', 1)"

const last = '9223372036854775807'

/** The events at some places, in the parts from one position to another; a row for each place, whether there is one or not. */
const atPlaces = (places: string, from: string, to: string): string => `
    return query select w.place, ${columnsOf('e')} from unnest(${places}) as w (place) left join lateral (
      select e.* from events e where e.position = w.place and e.position >= ${from} and e.position <= ${to} limit 1) as e on true;`

/** The walk along one term of an index through some of the parts, as a literal. $1: term, $2: from, $3: to, $4: entries */
const walk = (term: string, order: '' | ' desc'): string =>
  `'${`select e.position, $1 from events e
      where ${term} = $1 and (${term}, e.position) >= ($1, $2) and (${term}, e.position) <= ($1, $3)
        and e.position >= $2 and e.position <= $3
      order by e.position${order} limit $4`.replaceAll("'", "''")}'`

const walkOfTerm = (term: string): string => `case when backward then ${walk(term, ' desc')}
    else ${walk(term, '')} end`

/**
 * Version 7: events in parts are found by their positions, so that no statement has to do with parts it wants nothing from.
 * Each names a range of positions in parameters: its plan is over all parts and made once, and as it begins, those
 * outside of the range are left out of it. Planned anew each time it would cost more than what it reads.
 *
 * - `events_at` gives the events at some positions, and says of each whether there is one. Few of them that lie far apart are
 *   asked for part by part.
 * - `events_between` gives the events of a range of positions.
 * - `stream_in_parts` gives a page of a stream: a row for each of its keys, as `events_at` does.
 * - `walk_in_parts` walks an index in order of positions, through more and more parts until it has seen enough entries. The
 *   equality lets the parts be read one after the other; that the ends of the range are rows as well keeps the planner
 *   from walking along positions and throwing most events away, if it knows them: this one is planned each time.
 *
 * Plans are made, or looked at again, when these are called, after the snapshot of the statement that calls them was taken:
 * see version 6. All begin by reading `partitioning`, whose lock is new to the transaction: with a new lock a session takes
 * in what others did.
 */
export const readingParts: string = `
create function events_at(positions bigint[]) returns table (
  place bigint, ${eventTable}
)
language plpgsql stable ${quickPlans}
as $$
#variable_conflict use_column
declare
  size constant bigint := (select p.positions_per_part from partitioning p);
  first_part constant bigint := ((select min(w.place) from unnest(positions) as w (place)) - 1) / size;
  last_part constant bigint := ((select max(w.place) from unnest(positions) as w (place)) - 1) / size;
  part record;
begin
  if last_part - first_part < 16
    or (select count(distinct (w.place - 1) / size) > 8 from unnest(positions) as w (place)) then
    ${atPlaces('positions', 'first_part * size + 1', '(last_part + 1) * size').trim()}
    return;
  end if;
  for part in
    select (w.place - 1) / size as number, array_agg(w.place) as wanted from unnest(positions) as w (place) group by 1
  loop
    ${atPlaces('part.wanted', 'part.number * size + 1', '(part.number + 1) * size').trim()}
  end loop;
end $$;

create function events_between(low bigint, high bigint) returns table (
  ${eventTable}
)
language plpgsql stable ${quickPlans}
as $$
#variable_conflict use_column
declare
  size constant bigint := (select p.positions_per_part from partitioning p);
begin
  if size is not null then
    return query select ${columnsOf('e')} from events e where e.position >= low and e.position <= high;
  end if;
end $$;

create function stream_in_parts(wanted text, start bigint, events_max bigint, bytes_max bigint, backward boolean)
returns table (
  stream_version bigint, truncate_before bigint, tombstoned boolean, key_position bigint, ${eventTable}
)
language plpgsql stable ${quickPlans}
as $$
#variable_conflict use_column
declare
  parted constant boolean := exists (select from partitioning p);
  stream streams;
  places bigint[];
begin
  select s.* into stream from streams s where s.stream_id = wanted limit 1;
  if stream.stream_no is null or not parted then return; end if;
  if stream.tombstoned then
    places := '{}';
  elsif backward then
    places := array(
      select k.position from event_keys k
      where (k.stream_no, k.version) >= (stream.stream_no, stream.truncate_before) and (k.stream_no, k.version) <= (stream.stream_no, start)
      order by k.stream_no desc, k.version desc limit events_max);
  else
    places := array(
      select k.position from event_keys k
      where (k.stream_no, k.version) >= (stream.stream_no, greatest(start, stream.truncate_before)) and (k.stream_no, k.version) <= (stream.stream_no, ${last})
      order by k.stream_no, k.version limit events_max);
  end if;
  return query
    select stream.version, stream.truncate_before, stream.tombstoned, b.place, ${columnsOf('b')}
    from (select) as always left join (
      select e.*, sum(${bytesOf('e')}) over (order by case when backward then -e.place else e.place end rows unbounded preceding)
        - (${bytesOf('e')}) as size_before
      from events_at(places) as e) as b
    on b.size_before is null or b.size_before < bytes_max;
end $$;

create function walk_in_parts(way text, terms text[], low bigint, high bigint, entries bigint, backward boolean)
returns table ("position" bigint, term text)
language plpgsql stable ${quickPlans}
as $$
#variable_conflict use_column
declare
  size constant bigint := (select p.positions_per_part from partitioning p);
  made constant bigint := (select max(p.last_position) from event_parts p);
  archived constant bigint := (select h.archived_until from log_head h);
  first constant bigint := greatest(low, archived + 1);
  final constant bigint := least(high, made);
  walked constant text := case way when 'type' then ${walkOfTerm('e.type')}
    else ${walkOfTerm(`left(${category}, 300)`)} end;
  wanted text;
  parts bigint;
  seen bigint;
  step bigint;
  near bigint;
  low_end bigint;
  high_end bigint;
begin
  foreach wanted in array terms loop
    parts := 1;
    seen := 0;
    near := case when backward then final else first end;
    while seen < entries and near between first and final loop
      if backward then
        low_end := greatest(first, ((near - 1) / size - parts + 1) * size + 1);
        high_end := near;
      else
        low_end := near;
        high_end := least(final, ((near - 1) / size + parts) * size);
      end if;
      return query execute walked using wanted, low_end, high_end, entries - seen;
      get diagnostics step = row_count;
      seen := seen + step;
      near := case when backward then low_end - 1 else high_end + 1 end;
      parts := least(parts * 2, 16);
    end loop;
  end loop;
end $$;

revoke all on function events_at, events_between, stream_in_parts, walk_in_parts from public;
`
