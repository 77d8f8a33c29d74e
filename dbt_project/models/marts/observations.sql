-- Every observation with what became of it: superseded, unused or behind a panel value, corrected or touched by a border change.
with used as (
    select distinct unnest(v.obs_ids) as obs_id
    from {{ ref('int_city_values') }} as v
    where v.choice = 1 and v.value is not null
)

select
    o.source,
    o.indicator_id,
    o.level,
    o.place_id,
    o.place_name,
    o.data_year as year,
    o.scope,
    o.value,
    o.unit,
    o.edition,
    o.edition_year,
    o.is_current,
    u.obs_id is not null as is_used,
    o.is_chained,
    o.is_interpolated,
    o.boundary_flag,
    o.correction_id,
    o.raw_ids
from {{ ref('int_observations') }} as o
left join used as u on o.obs_id = u.obs_id
