-- Raw rows that staging could not use, each with its reason: labels, units and places that no seed knows. A code that is no more
-- is told with the units of 2021 that hold its territory.
{%- set sources = ['chen_county', 'ceads_city', 'ceads_province', 'edgar_city', 'city_yearbook', 'csmar', 'green_patents', 'patents',
                   'gov_reports', 'market_index', 'policy_list', 'compiled_city'] %}
with standing as (
    select c.adcode, c.name
    from {{ ref('city_codes') }} as c
    where c.year = (select max(latest.year) from {{ ref('city_codes') }} as latest)
),

-- (abolished code, its name, year of the event, unit of 2021): events of the lineage, and codes that changed without one.
moved as (
    select l.from_code as code, l.from_name as name, l.event_year as until, l.city_id
    from {{ ref('city_lineage') }} as l
    union all
    select c.adcode as code, arg_max(c.name, c.year) as name, max(c.year) + 1 as until, c.city_id
    from {{ ref('city_codes') }} as c
    where c.city_id <> c.adcode and c.adcode not in (select l.from_code from {{ ref('city_lineage') }} as l)
    group by c.adcode, c.city_id
),

gone as (
    select
        m.code,
        ' Code ' || m.code || ' was ' || max(m.name) || ' until ' || max(m.until) || ': its territory is in '
            || string_agg(distinct s.adcode || ' ' || s.name, ', ' order by s.adcode || ' ' || s.name) || '.' as sentence
    from moved as m
    inner join standing as s on m.city_id = s.adcode
    where m.code not in (select s.adcode from standing as s)
    group by m.code
),

refused as (
    {%- for s in sources %}
    select
        s.source, s.edition, s.file_name, s.file_sha256, s.sheet, s.cell, s.line, s.text, s.place_label, s.indicator_label,
        s.data_year, s.reject_code as reason_code, s.raw_unit, s.unit, s.raw_id, s.place_code
    from {{ ref('stg_' ~ s) }} as s
    where s.reject_code is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    r.source,
    r.edition,
    r.file_name,
    r.file_sha256,
    r.sheet,
    r.cell,
    r.line,
    r.text,
    r.place_label,
    r.indicator_label,
    r.data_year,
    r.reason_code,
    case r.reason_code
        when 'unknown_label' then 'The indicator label is in no row of indicator_labels.csv.'
        when 'label_not_used' then 'The indicator is known and no variable is made of it.'
        when 'no_year' then 'The row states no year.'
        when 'no_value' then 'The row holds no number.'
        when 'unknown_unit' then 'The unit ''' || r.raw_unit || ''' is in no row of unit_factors.csv, and the label has no unit of its own.'
        when 'unit_mismatch' then 'The unit ''' || r.raw_unit || ''' cannot be turned into ' || r.unit || '.'
        when 'place_conflict' then 'Code and name of the place belong to different units.'
        when 'ambiguous_place' then 'The name belongs to a province and to a city, or to a city of another province; no code or province decides.'
        when 'unknown_place' then 'The place is in no seed of codes and spellings.' || coalesce(g.sentence, '')
        when 'not_prefecture_level' then 'The place is a county-level unit, no prefecture-level one.'
        when 'unit_not_in_year' then 'The unit did not exist any more in that year.' || coalesce(g.sentence, '')
    end as reason,
    false as is_required,
    r.raw_id
from refused as r
left join gone as g on {{ squeeze("r.place_code") }} = g.code
