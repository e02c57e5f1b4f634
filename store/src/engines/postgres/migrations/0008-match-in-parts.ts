import { quickPlans } from './0002-condition-match.ts'

const category = "split_part(e.stream_id, '-', 1)"

const last = '9223372036854775807'

/**
 * Version 8: `condition_match` for events in parts. It walks to candidates as far as needed, a few at first. Of archived events
 * the tags are known and nothing else, and above them everything: it says what that proves, and else that it cannot say.
 */
export const matchInParts: string = `
create function match_in_parts(after_position bigint, item jsonb, archived bigint) returns bigint
language plpgsql volatile security definer ${quickPlans}
as $$
declare
  wanted_types constant text[] := array(select jsonb_array_elements_text(item -> 'types'));
  wanted_tags constant text[] := array(select jsonb_array_elements_text(item -> 'tags'));
  wanted_categories text[] := array(select jsonb_array_elements_text(item -> 'categories'));
  prefix constant text := item ->> 'prefix';
  tags_only constant boolean := cardinality(wanted_types) = 0 and cardinality(wanted_categories) = 0 and prefix = '';
  exact constant boolean := prefix = '' and case when cardinality(wanted_tags) > 0 then tags_only and cardinality(wanted_tags) = 1
    else cardinality(wanted_types) = 0 or cardinality(wanted_categories) = 0 end
    and not exists (select from unnest(wanted_categories) as c (category) where length(c.category) > 300);
  rarest text := wanted_tags[1];
  terms text[];
  wanted text;
  walked bigint;
  entries bigint;
  candidates bigint[];
  hit bigint;
  first_hit bigint;
begin
  if cardinality(wanted_tags) = 0 and cardinality(wanted_types) = 0 and cardinality(wanted_categories) = 0 then
    if strpos(prefix, '-') > 0 then
      wanted_categories := array[split_part(prefix, '-', 1)];
    else
      hit := (select e.position from events e
        where e.position > greatest(after_position, archived) and starts_with(e.stream_id, prefix)
        order by e.position limit 1);
    end if;
  end if;

  if cardinality(wanted_tags) > 1 then
    select w.tag into rarest from unnest(wanted_tags) as w (tag)
    order by (select count(*) from (
      select from event_tags t
      where (t.tag, t.position) > (w.tag, after_position) and (t.tag, t.position) <= (w.tag, ${last})
      limit 1000) as few)
    limit 1;
  end if;

  terms := case when cardinality(wanted_tags) > 0 then array[rarest] when cardinality(wanted_types) > 0 then wanted_types
    else array(select left(c.category, 300) from unnest(wanted_categories) as c (category)) end;
  foreach wanted in array terms loop
    walked := greatest(after_position, archived);
    entries := case when exact then 1 else 16 end;
    loop
      candidates := case
        when cardinality(wanted_tags) > 0 then array(
          select t.position from event_tags t
          where (t.tag, t.position) > (wanted, walked) and (t.tag, t.position) <= (wanted, ${last})
          order by t.tag, t.position limit entries)
        else array(
          select w.position from walk_in_parts(case when cardinality(wanted_types) > 0 then 'type' else 'category' end,
            array[wanted], walked + 1, ${last}, entries, false) as w)
      end;
      exit when cardinality(candidates) = 0;
      first_hit := case when exact then candidates[1] else (
        select min(e.position) from events_at(candidates) as e
        where (cardinality(wanted_tags) = 0 or e.tags @> wanted_tags)
          and (cardinality(wanted_types) = 0 or e.type = any (wanted_types))
          and (cardinality(wanted_categories) = 0 or ${category} = any (wanted_categories))
          and starts_with(e.stream_id, prefix)) end;
      hit := least(hit, first_hit);
      exit when first_hit is not null or cardinality(candidates) < entries;
      walked := candidates[cardinality(candidates)];
      entries := least(entries * 8, 1000);
    end loop;
  end loop;
  if hit is not null or after_position >= archived then return hit; end if;

  if cardinality(wanted_tags) > 0 then
    hit := (
      select t.position from event_tags t
      where (t.tag, t.position) > (rarest, after_position) and (t.tag, t.position) <= (rarest, archived)
        and not exists (select from unnest(wanted_tags) as w (tag) where not exists (
          select from event_tags o where o.tag = w.tag and o.position = t.position))
      order by t.tag, t.position limit 1);
    if hit is null or tags_only then return hit; end if;
  end if;
  raise exception 'a condition after position % may match events up to position %, which are archived', after_position, archived
    using errcode = 'VV004', detail = archived::text;
end $$;
revoke all on function match_in_parts from public;
`
