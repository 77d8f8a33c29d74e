-- Every usable observation of all sources and editions, with declared corrections applied and editions put in order.
-- One row per source, edition, indicator, place, year, scope and printed cell; county values are summed to the cities of 2021
-- and keep the ids of their counties. `is_current`: of the edition that counts (source_rules: the whole latest edition for a
-- series, the latest edition that prints the cell for a yearbook). Earlier editions stay as revisions.
{%- set sources = ['ceads_city', 'ceads_province', 'edgar_city', 'city_yearbook', 'csmar', 'green_patents', 'patents',
                   'gov_reports', 'market_index', 'compiled_city'] %}
with printed as (
    {%- for s in sources %}
    select
        s.source, s.edition, s.edition_year, s.indicator_id, s.level, s.place_id, s.place_name, s.city_id, s.province_id,
        s.data_year, s.scope, s.value, s.unit, s.is_additive, s.is_chained, s.is_interpolated,
        [s.raw_id] as raw_ids, s.raw_id as obs_id, cast(null as varchar) as sum_flag
    from {{ ref('stg_' ~ s) }} as s
    where s.reject_code is null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

county_lists as (
    select distinct s.edition, s.place_id, s.city_id
    from {{ ref('stg_chen_county') }} as s
    where s.reject_code is null and s.city_id is not null
),

county_counts as (
    select l.edition, l.city_id, count(*) as counties
    from county_lists as l
    group by all
),

summed as (
    select
        s.source, s.edition, s.edition_year, s.indicator_id, 'city' as level, s.city_id as place_id, c.city_name as place_name,
        s.city_id, s.province_id, s.data_year, s.scope,
        -- in the order of the cells, so that the last digit does not depend on the plan
        case when count(distinct s.place_id) = any_value(n.counties) then list_sum(list(s.value order by s.raw_id)) end as value,
        s.unit, s.is_additive, bool_or(s.is_chained) as is_chained, bool_or(s.is_interpolated) as is_interpolated,
        list(s.raw_id order by s.raw_id) as raw_ids, min(s.raw_id) as obs_id,
        case when count(distinct s.place_id) < any_value(n.counties) then 'part_missing' end as sum_flag
    from {{ ref('stg_chen_county') }} as s
    inner join county_counts as n on s.edition = n.edition and s.city_id = n.city_id
    inner join {{ ref('ref_cities') }} as c on s.city_id = c.city_id
    where s.reject_code is null
    group by
        s.source, s.edition, s.edition_year, s.indicator_id, s.city_id, c.city_name, s.province_id, s.data_year, s.scope, s.unit,
        s.is_additive
),

everything as (
    select * from printed
    union all
    select * from summed
),

declared as (
    select e.obs_id, e.source, e.edition, e.scope, e.is_interpolated, e.value, k.*
        exclude (source, edition, reason, evidence, place_name, data_year)
    from everything as e
    inner join {{ ref('corrections') }} as k
        on e.source = k.source and (k.edition is null or e.edition = k.edition) and e.place_id = k.place
        and e.data_year = k.data_year and e.indicator_id = k.indicator_id
    where k.status = 'active' and {{ var('apply_corrections') }}
),

-- the guard: value over the mean of the named years (of the same place or of `guard_place`) in the same edition
guarded as (
    select
        d.obs_id, d.correction_id, d.action, d.factor, d.guard_low, d.guard_high,
        d.value / avg(v.value) as guard_ratio
    from declared as d
    left join everything as v
        on d.source = v.source and d.edition = v.edition and d.indicator_id = v.indicator_id and d.scope = v.scope
        and d.is_interpolated = v.is_interpolated and coalesce(d.guard_place, d.place) = v.place_id
        and list_contains(string_split(d.guard_years, '|'), cast(v.data_year as varchar))
    group by d.obs_id, d.correction_id, d.action, d.factor, d.guard_low, d.guard_high, d.value
),

corrected as (
    select
        e.source, e.edition, e.edition_year, e.indicator_id, e.level, e.place_id, e.place_name, e.city_id, e.province_id,
        e.data_year, e.scope, e.unit, e.is_additive, e.is_chained, e.is_interpolated, e.raw_ids, e.obs_id,
        e.value as value_before,
        g.guard_ratio,
        coalesce(g.guard_ratio between g.guard_low and g.guard_high, false) as guard_holds,
        g.correction_id as declared_id,
        case when coalesce(g.guard_ratio between g.guard_low and g.guard_high, false) then g.correction_id end as correction_id,
        case
            when g.guard_ratio between g.guard_low and g.guard_high and g.action = 'set_missing' then null
            when g.guard_ratio between g.guard_low and g.guard_high and g.action = 'multiply' then e.value * g.factor
            else e.value
        end as value,
        e.sum_flag
    from everything as e
    left join guarded as g on e.obs_id = g.obs_id
),

ranked as (
    select
        c.*,
        r.boundary_basis,
        case
            when r.precedence = 'series'
                then dense_rank() over (partition by c.source order by c.edition_year desc nulls last, c.edition desc)
            else
                dense_rank() over (
                    partition by c.source, c.indicator_id, c.level, c.place_id, c.data_year, c.scope, c.is_interpolated
                    order by c.edition_year desc nulls last, c.edition desc
                )
        end as edition_rank
    from corrected as c
    inner join {{ ref('source_rules') }} as r on c.source = r.source
)

select
    k.source, k.edition, k.edition_year, k.indicator_id, k.level, k.place_id, k.place_name, k.city_id, k.province_id, k.data_year,
    k.scope, k.value, k.unit, k.is_additive, k.is_chained, k.is_interpolated, k.raw_ids, k.obs_id, k.value_before, k.guard_ratio,
    k.guard_holds, k.declared_id, k.correction_id, k.boundary_basis,
    k.edition_rank = 1 as is_current,
    case
        when k.sum_flag is not null then k.sum_flag
        when k.boundary_basis not in ('as_of_year', 'own_value') or k.level <> 'city' then null
        when member.role is not null and k.boundary_basis = 'as_of_year' and k.is_additive then 'merged_part'
        when member.role is not null then 'own_value'
        when broken.role is not null and k.boundary_basis = 'as_of_year' and k.is_additive then 'boundary_break'
        when broken.role is not null then 'own_value'
    end as boundary_flag
from ranked as k
left join {{ ref('ref_boundaries') }} as broken
    on broken.role = 'broken' and k.place_id = broken.unit_id and k.data_year < broken.effective_year
left join (
    select b.role, b.unit_id, max(b.effective_year) as effective_year
    from (
        select m.role, m.unit_id, m.effective_year from {{ ref('ref_boundaries') }} as m where m.role = 'member'
        union all
        select m.role, m.city_id, m.effective_year from {{ ref('ref_boundaries') }} as m where m.role = 'member'
    ) as b
    group by all
) as member on k.place_id = member.unit_id and k.data_year < member.effective_year
