-- The panel's units: prefecture-level units and municipalities at year-end 2021.
select
    c.city_id,
    c.name as city_name,
    c.short_name,
    c.province_name as province,
    c.province_id,
    c.unit_kind
from {{ ref('city_codes') }} as c
where c.year = 2021
