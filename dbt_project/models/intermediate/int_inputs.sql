-- What formulas are made of: one row per city, year and input, each with the raw rows behind it. Chosen values as they stand,
-- and two chains: real GDP in prices of the base year, and fixed investment after the last published level.
-- Real GDP starts from nominal GDP of the base year. A city whose borders changed after it starts from its first comparable
-- year instead, deflated by its own nominal over its own real growth up to the year before (`rebased`).
{%- set base = var('gdp_base_year') %}
{%- set last_level = var('last_investment_level') %}
with chosen as (
    select v.input_id, v.city_id, v.year, v.value, v.flag, v.own_value, v.own_raw_ids, v.raw_ids
    from {{ ref('int_city_values') }} as v
    where v.choice = 1
),

calendar as (
    select unnest(range({{ [var('window_start'), base] | min }}, {{ var('window_end') }} + 1)) as year
),

anchors as (
    select
        c.city_id,
        coalesce(b.effective_year > {{ base }}, false) as is_rebased,
        case when b.effective_year > {{ base }} then b.effective_year else {{ base }} end as anchor_year
    from {{ ref('ref_cities') }} as c
    left join {{ ref('ref_boundaries') }} as b on c.city_id = b.city_id and b.role = 'broken'
),

spans as (
    select
        a.city_id, cast(t.year as integer) as year, a.is_rebased, a.anchor_year,
        least(cast(t.year as integer), a.anchor_year) + 1 as first_index,
        greatest(cast(t.year as integer), a.anchor_year) as last_index
    from anchors as a
    cross join calendar as t
),

index_chains as (
    select
        s.city_id, s.year, s.is_rebased, s.anchor_year,
        s.last_index - s.first_index + 1 = count(x.value) as is_complete,
        coalesce(list_aggregate(list(x.value / 100 order by x.year) filter (where x.value is not null), 'product'), 1) as growth,
        coalesce(
            list(
                {'variable': 'gdp_index[' || x.year || ']', 'value': x.value, 'raw_ids': x.raw_ids} order by x.year
            ) filter (where x.value is not null), []
        ) as inputs
    from spans as s
    left join chosen as x
        on x.input_id = 'gdp_index' and s.city_id = x.city_id and x.year between s.first_index and s.last_index
    group by s.city_id, s.year, s.is_rebased, s.anchor_year, s.first_index, s.last_index
),

-- price level in the year before the event, base year = 1, of the territory as it was
deflators as (
    select
        a.city_id,
        case
            when a.anchor_year - 1 = {{ base }} then 1
            when count(x.value) = a.anchor_year - 1 - {{ base }}
                then before.own_value / (
                    start.own_value * list_aggregate(list(x.value / 100 order by x.year) filter (where x.value is not null), 'product')
                )
        end as deflator,
        case
            when a.anchor_year - 1 = {{ base }} then []
            else list_concat(
                [
                    {'variable': 'gdp_yuan[' || (a.anchor_year - 1) || ', own borders]', 'value': before.own_value,
                     'raw_ids': coalesce(before.own_raw_ids, [])},
                    {'variable': 'gdp_yuan[{{ base }}, own borders]', 'value': start.own_value,
                     'raw_ids': coalesce(start.own_raw_ids, [])}
                ],
                list(
                    {'variable': 'gdp_index[' || x.year || ']', 'value': x.value, 'raw_ids': x.raw_ids} order by x.year
                ) filter (where x.value is not null)
            )
        end as inputs
    from anchors as a
    left join chosen as before
        on before.input_id = 'gdp_yuan' and a.city_id = before.city_id and before.year = a.anchor_year - 1
    left join chosen as start on start.input_id = 'gdp_yuan' and a.city_id = start.city_id and start.year = {{ base }}
    left join chosen as x
        on x.input_id = 'gdp_index' and a.city_id = x.city_id and x.year between {{ base }} + 1 and a.anchor_year - 1
    where a.is_rebased
    group by a.city_id, a.anchor_year, before.own_value, before.own_raw_ids, start.own_value, start.own_raw_ids
),

real_gdp as (
    select
        c.city_id, c.year,
        case
            when c.is_rebased and c.year < c.anchor_year then null
            when not c.is_complete then null
            when c.year >= c.anchor_year then g.value / (case when c.is_rebased then d.deflator else 1 end) * c.growth
            else g.value / c.growth
        end as value,
        case
            when c.is_rebased and c.year < c.anchor_year then 'boundary_break'
            when g.value is null then coalesce(g.flag, 'no_observation') || ' of gdp_yuan in ' || c.anchor_year
            when not c.is_complete then 'gdp_index chain broken'
            when c.is_rebased and d.deflator is null then 'deflator before the boundary event missing'
            when c.is_rebased then 'rebased'
            else g.flag
        end as flag,
        list_concat(
            case
                when g.city_id is null then []
                else [{'variable': 'gdp_yuan[' || c.anchor_year || ']', 'value': g.value, 'raw_ids': g.raw_ids}]
            end,
            list_concat(coalesce(d.inputs, []), c.inputs)
        ) as inputs
    from index_chains as c
    left join chosen as g on g.input_id = 'gdp_yuan' and c.city_id = g.city_id and c.anchor_year = g.year
    left join deflators as d on c.city_id = d.city_id
),

investment as (
    select
        c.city_id, cast(t.year as integer) as year, l.value as level_value, l.flag as level_flag, l.raw_ids as level_ids,
        count(x.value) = t.year - {{ last_level }} as is_complete,
        list_aggregate(list(1 + x.value / 100 order by x.year) filter (where x.value is not null), 'product') as growth,
        coalesce(
            list(
                {'variable': 'fai_growth_pct[' || x.year || ']', 'value': x.value, 'raw_ids': x.raw_ids} order by x.year
            ) filter (where x.value is not null), []
        ) as inputs
    from {{ ref('ref_cities') }} as c
    inner join calendar as t on t.year > {{ last_level }}
    left join chosen as l on l.input_id = 'fai_yuan' and c.city_id = l.city_id and l.year = {{ last_level }}
    left join chosen as x
        on x.input_id = 'fai_growth_pct' and c.city_id = x.city_id and x.year between {{ last_level }} + 1 and t.year
    group by c.city_id, t.year, l.value, l.flag, l.raw_ids
)

select
    v.city_id, v.year, v.input_id, v.value, v.flag,
    [{'variable': v.input_id, 'value': v.value, 'raw_ids': v.raw_ids}] as inputs
from chosen as v

union all

select r.city_id, r.year, 'gdp_real_yuan' as input_id, r.value, r.flag, r.inputs
from real_gdp as r

union all

select
    i.city_id, i.year, 'fai_yuan' as input_id,
    case when i.is_complete then i.level_value * i.growth end as value,
    case
        when i.level_value is null then coalesce(i.level_flag, 'no_observation') || ' of fai_yuan in {{ last_level }}'
        when not i.is_complete then 'fai_growth_pct chain broken'
        else concat_ws(';', 'chained', i.level_flag)
    end as flag,
    list_concat(
        case
            when i.level_ids is null then []
            else [{'variable': 'fai_yuan[{{ last_level }}]', 'value': i.level_value, 'raw_ids': i.level_ids}]
        end,
        i.inputs
    ) as inputs
from investment as i
