-- Why each city-year is in or out: one row per row of city_panel, with the step at which it left.
select
    p.city_id,
    p.year,
    p.in_sample,
    p.drop_step as step,
    p.drop_reason
from {{ ref('city_panel') }} as p
