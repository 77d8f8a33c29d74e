-- Raw rows that staging could not use, each with its reason: labels, units and places that no seed knows.
{%- set sources = ['chen_county', 'ceads_city', 'ceads_province', 'edgar_city', 'city_yearbook', 'csmar', 'green_patents', 'patents',
                   'gov_reports', 'market_index', 'policy_list', 'compiled_city'] %}
with refused as (
    {%- for s in sources %}
    select
        s.source, s.edition, s.file_name, s.file_sha256, s.sheet, s.cell, s.line, s.text, s.place_label, s.indicator_label,
        s.data_year, s.reject_code as reason_code, s.raw_unit, s.unit, s.raw_id
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
        when 'unknown_place' then 'The place is in no seed of codes and spellings.'
        when 'not_prefecture_level' then 'The place is a county-level unit, no prefecture-level one.'
        when 'unit_not_in_year' then 'The unit did not exist any more in that year.'
    end as reason,
    false as is_required,
    r.raw_id
from refused as r
