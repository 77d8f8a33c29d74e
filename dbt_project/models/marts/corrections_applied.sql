-- Every declared correction that met an observation: the guard's ratio, whether it held, value before and after.
-- A guard that fails means that the source was mended: the value stays as published and the declaration must go.
select
    o.declared_id as correction_id,
    k.source,
    o.edition,
    o.place_id,
    o.place_name,
    o.data_year as year,
    o.indicator_id,
    o.scope,
    k.action,
    k.factor,
    o.value_before,
    o.value as value_after,
    o.unit,
    k.guard_place,
    k.guard_years,
    k.guard_low,
    k.guard_high,
    o.guard_ratio,
    o.guard_holds,
    k.reason,
    k.evidence,
    o.raw_ids
from {{ ref('int_observations') }} as o
inner join {{ ref('corrections') }} as k on o.declared_id = k.correction_id
