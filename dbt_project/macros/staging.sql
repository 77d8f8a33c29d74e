{#- The staging of one source: printed labels to indicator ids, printed units to canonical ones, printed places to ids.
    Every raw row comes out once. What cannot be used keeps its row with `reject_code`; int_observations takes the others.
    `places`: 'city' (codes and spellings of prefecture-level units), 'county' (county codes of 2010), 'province'.
    `label`: the SQL of the indicator label, where a source needs more than its own column. `only`: rows taken from raw. -#}
{% macro stage(source_id, places='city', label="r.indicator_label", only=none) %}
with raw as (
    select
        r.raw_id, r.source, r.edition, r.edition_year, r.file_name, r.file_sha256, r.sheet, r.cell, r.line, r.text,
        r.value as raw_value, r.unit as raw_unit, r.scope, r.indicator_label, r.place_label, r.place_code, r.data_year,
        r.is_chained, r.is_interpolated,
        {{ label_key(label) }} as label_key,
        {{ squeeze("r.unit") }} as unit_key,
        {{ place_key("r.place_label") }} as place_key,
        {{ place_key("coalesce(r.place_parent, '')") }} as parent_key,
        {% if places == 'county' %}{{ squeeze("r.place_code") }}
        {% else %}regexp_extract(r.place_code, '^\s*(\d{6})(\.0)?\s*$', 1){% endif %} as code_key
    from {{ source('raw', source_id) }} as r
    {% if only %}where {{ only }}{% endif %}
),

labels as (
    select l.label, l.indicator_id, l.default_unit, l.shift, l.source
    from {{ ref('indicator_labels') }} as l
),

measured as (
    select
        w.*,
        coalesce(own.label, any_source.label) as known_label,
        case when own.label is not null then own.indicator_id else any_source.indicator_id end as indicator_id,
        coalesce(nullif(w.unit_key, ''), case when own.label is not null then own.default_unit else any_source.default_unit end)
            as stated_unit,
        coalesce(own.shift, any_source.shift, 0) as shift
    from raw as w
    left join labels as own on w.label_key = own.label and w.source = own.source
    left join labels as any_source on w.label_key = any_source.label and any_source.source is null
),

units as (
    select distinct {{ squeeze("f.unit") }} as unit_key, f.canonical_unit, f.multiplier
    from {{ ref('unit_factors') }} as f
),

placed as (
    select
        m.*,
        {%- if places == 'county' %}
        c.county_code as place_id,
        c.county_name as place_name,
        c.city_id,
        p.province_id,
        case when c.county_code is not null then 'county' end as level,
        cast(null as integer) as last_year,
        false as is_conflict,
        false as is_ambiguous
        {%- elif places == 'province' %}
        p.province_id as place_id,
        p.name as place_name,
        municipality.city_id,
        p.province_id,
        case when p.province_id is not null then 'province' end as level,
        cast(null as integer) as last_year,
        false as is_conflict,
        false as is_ambiguous
        {%- else %}
        coalesce(by_code.place_id, by_name.place_id, top.province_id) as place_id,
        coalesce(by_code.place_name, by_name.place_name, top.name) as place_name,
        case when by_code.place_id is not null then by_code.city_id else by_name.city_id end as city_id,
        coalesce(by_code.province_id, by_name.province_id, top.province_id) as province_id,
        coalesce(by_code.level, by_name.level, case when top.province_id is not null then 'province' end) as level,
        case when by_code.place_id is not null then by_code.last_year else by_name.last_year end as last_year,
        coalesce(by_code.place_id <> by_name.place_id and by_code.place_id is distinct from top.province_id, false) as is_conflict,
        by_code.place_id is null and by_name.place_id is null and any_name.place_id is not null as is_ambiguous
        {%- endif %}
    from measured as m
    {%- if places == 'county' %}
    left join {{ ref('county_codes') }} as c on m.code_key = {{ squeeze("c.county_code") }}
    left join {{ ref('provinces') }} as p on c.province_name = p.name
    {%- elif places == 'province' %}
    left join {{ ref('provinces') }} as p
        on list_contains([p.name, p.short, p.english], regexp_replace(m.place_key, '\d{4}$', '')) or p.province_id = m.code_key
    left join {{ ref('ref_cities') }} as municipality on p.province_id = municipality.city_id
    {%- else %}
    left join {{ ref('provinces') }} as parent on list_contains([parent.name, parent.short], m.parent_key)
    left join {{ ref('ref_places') }} as by_code on by_code.kind = 'code' and m.code_key = by_code.place_key
    left join {{ ref('ref_places') }} as any_name on any_name.kind = 'name' and m.place_key = any_name.place_key
    left join {{ ref('ref_places') }} as by_name
        on by_name.kind = 'name' and m.place_key = by_name.place_key
        and (parent.province_id is null or parent.province_id = by_name.province_id)
        and (parent.province_id is not null or not by_name.needs_province)
    left join {{ ref('provinces') }} as top
        on list_contains([top.name, top.short], m.place_key)
    {%- endif %}
)

select
    d.raw_id, d.source, d.edition, d.edition_year, d.file_name, d.file_sha256, d.sheet, d.cell, d.line, d.text,
    d.indicator_label, d.place_label, d.place_code, d.data_year, d.scope,
    d.raw_value, d.raw_unit,
    d.indicator_id,
    d.raw_value * u.multiplier + d.shift as value,
    cat.canonical_unit as unit,
    cat.is_additive,
    d.level, d.place_id, d.place_name, d.city_id, d.province_id,
    d.is_chained, d.is_interpolated,
    case
        when d.known_label is null then 'unknown_label'
        when d.indicator_id is null then 'label_not_used'
        when d.data_year is null then 'no_year'
        when d.raw_value is null then 'no_value'
        when u.unit_key is null then 'unknown_unit'
        when u.canonical_unit <> cat.canonical_unit then 'unit_mismatch'
        when d.is_conflict then 'place_conflict'
        when d.is_ambiguous then 'ambiguous_place'
        {%- if places == 'city' %}
        when d.place_id is null and regexp_matches(d.code_key, '^\d{4}(0[1-9]|[1-9]\d)$') then 'not_prefecture_level'
        {%- endif %}
        when d.place_id is null then 'unknown_place'
        when d.level = 'run_by_province' then 'not_prefecture_level'
        {%- if places == 'city' %}
        when d.level = 'city' and d.last_year < 2021 and d.data_year > d.last_year + 1 then 'unit_not_in_year'
        {%- endif %}
    end as reject_code
from placed as d
left join units as u on {{ squeeze("d.stated_unit") }} = u.unit_key
left join {{ ref('indicator_catalogue') }} as cat on d.indicator_id = cat.indicator_id
{% endmacro %}
