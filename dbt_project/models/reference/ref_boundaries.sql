-- How each unit's numbers relate to the borders of 2021, from city_lineage: which units add up to a city before a merger
-- (role 'member'), and before which year a city's own numbers describe another territory (role 'broken').
with events as (
    select
        l.city_id,
        l.effective_year,
        l.rule,
        coalesce(f.city_id, l.from_code) as from_unit
    from {{ ref('city_lineage') }} as l
    left join {{ ref('ref_cities') }} as f on l.from_code = f.city_id
    where l.rule in ('sum', 'county_sum')
)

select e.city_id, e.from_unit as unit_id, e.effective_year, 'member' as role
from events as e
where e.rule = 'sum'

union all

select e.city_id, e.city_id as unit_id, max(e.effective_year) as effective_year, 'broken' as role
from (
    select v.city_id, v.effective_year from events as v where v.rule = 'county_sum'
    union all
    select v.from_unit, v.effective_year from events as v where v.rule = 'county_sum'
) as e
inner join {{ ref('ref_cities') }} as c on e.city_id = c.city_id
group by e.city_id
