{% test sound_rows(model) %}
-- A staged row has an id, a known source, and, where it is usable, a known indicator in its canonical unit at a known place.
select s.raw_id
from {{ model }} as s
left join {{ ref('source_rules') }} as r on s.source = r.source
left join {{ ref('indicator_catalogue') }} as k on s.indicator_id = k.indicator_id
left join {{ ref('ref_cities') }} as c on s.city_id = c.city_id
where
    s.raw_id is null
    or r.source is null
    or (s.level is not null and s.level not in ('city', 'county', 'province', 'run_by_province'))
    or (
        s.reject_code is null
        and (
            k.indicator_id is null or s.unit is distinct from k.canonical_unit or s.value is null or s.data_year is null
            or s.place_id is null or (s.city_id is not null and c.city_id is null)
        )
    )
{% endtest %}
