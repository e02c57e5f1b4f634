/**
 * What the functions run with. Their queries are all small look-ups through an index, planned once; whoever has seen the
 * tables empty must not scan them when they are full.
 */
export const quickPlans: string = `set search_path from current set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan`

/** The last position there can be: the upper end of a range over (term, position). */
const last = '9223372036854775807'

const category = "split_part(e.stream_id, '-', 1)"

/**
 * Version 2: the first position above `after_position` whose event matches an item, found through the index that serves it best.
 * Both ends of a range name term and position, which only the index on both can answer in order. `archived` is that of the
 * head's row: where it is not null events lie in parts, and version 8 has another function for those.
 */
export const conditionMatch: string = `
create function condition_match(after_position bigint, item jsonb, archived bigint) returns bigint
language plpgsql volatile security definer ${quickPlans}
as $$
declare
  wanted_types constant text[] := array(select jsonb_array_elements_text(item -> 'types'));
  wanted_tags constant text[] := array(select jsonb_array_elements_text(item -> 'tags'));
  wanted_categories text[] := array(select jsonb_array_elements_text(item -> 'categories'));
  prefix constant text := item ->> 'prefix';
  rarest text := wanted_tags[1];
begin
  if archived is not null then return match_in_parts(after_position, item, archived); end if;
  if cardinality(wanted_tags) > 1 then
    -- Of several tags the one with the fewest events above the position leads; beyond 1,000 they are all the same.
    select w.tag into rarest from unnest(wanted_tags) as w (tag)
    order by (select count(*) from (
      select from event_tags t
      where (t.tag, t.position) > (w.tag, after_position) and (t.tag, t.position) <= (w.tag, ${last})
      limit 1000) as few)
    limit 1;
  end if;
  if cardinality(wanted_tags) > 0 then
    return (
      select t.position from event_tags t
        cross join lateral (select e.* from events e where e.position = t.position limit 1) as e
      where (t.tag, t.position) > (rarest, after_position) and (t.tag, t.position) <= (rarest, ${last})
        and e.tags @> wanted_tags
        and (cardinality(wanted_types) = 0 or e.type = any (wanted_types))
        and (cardinality(wanted_categories) = 0 or ${category} = any (wanted_categories))
        and starts_with(e.stream_id, prefix)
      order by t.tag, t.position limit 1);
  end if;
  if cardinality(wanted_types) > 0 then
    return (
      select min(found.position) from unnest(wanted_types) as w (type) cross join lateral (
        select e.position from events e
        where (e.type, e.position) > (w.type, after_position) and (e.type, e.position) <= (w.type, ${last})
          and (cardinality(wanted_categories) = 0 or ${category} = any (wanted_categories))
          and starts_with(e.stream_id, prefix)
        order by e.type, e.position limit 1) as found);
  end if;
  if cardinality(wanted_categories) = 0 and strpos(prefix, '-') > 0 then
    wanted_categories := array[split_part(prefix, '-', 1)];
  end if;
  if cardinality(wanted_categories) > 0 then
    return (
      select min(found.position) from unnest(wanted_categories) as w (category) cross join lateral (
        select e.position from events e
        where (left(${category}, 300), e.position) > (left(w.category, 300), after_position)
          and (left(${category}, 300), e.position) <= (left(w.category, 300), ${last})
          and ${category} = w.category and starts_with(e.stream_id, prefix)
        order by left(${category}, 300), e.position limit 1) as found);
  end if;
  return (
    select e.position from events e
    where e.position > after_position and starts_with(e.stream_id, prefix)
    order by e.position limit 1);
end $$;
revoke all on function condition_match from public;
`
