-- First treated year of each city under each policy, by the study's year rule (announcement year, or first full year) and
-- sub-city rule: a pilot that covers part of a city counts for the whole (treat), does not count (never), or takes the city out
-- of the sample (exclude). A policy dated by a published list is a policy of its own: the list's years as printed, whatever
-- they are worth; a place that is no prefecture-level unit dates none.
{%- set year_column = 'year_announcement' if var('year_rule') == 'announcement' else 'year_first_full' %}
select
    p.policy,
    p.city_id,
    {%- if var('subcity_rule') == 'treat' %}
    min(p.{{ year_column }}) as first_year,
    false as is_excluded,
    {%- else %}
    min(p.{{ year_column }}) filter (where not p.is_subcity) as first_year,
    {{ "count(*) filter (where not p.is_subcity) = 0" if var('subcity_rule') == 'exclude' else "false" }} as is_excluded,
    {%- endif %}
    arg_min(p.source, p.{{ year_column }} * 10 + (p.row_type <> 'announced')::integer) as source,
    arg_min(p.source_status, p.{{ year_column }} * 10 + (p.row_type <> 'announced')::integer) as source_status,
    cast([] as varchar[]) as raw_ids
from {{ ref('policy_adoptions') }} as p
where p.city_id is not null
group by p.policy, p.city_id
{%- for l in panel_policy_lists() %}
union all
select
    '{{ l.name }}' as policy,
    s.city_id,
    cast(min(s.value) as integer) as first_year,
    false as is_excluded,
    'policy_list {{ l.edition }}' as source,
    'as printed' as source_status,
    list(s.raw_id order by s.raw_id) as raw_ids
from {{ ref('stg_policy_list') }} as s
where s.reject_code is null and s.city_id is not null and s.edition = '{{ l.edition }}'
group by s.city_id
{%- endfor %}
