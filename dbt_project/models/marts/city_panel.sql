-- One row per prefecture-level unit at year-end 2021 and year of the window: the pivot of city_panel_cells with the policies and
-- the sample of the study. `drop_reason` names the first step at which a row leaves.
{%- set wanted = var('sample_variables') %}
with pivoted as (
    select
        c.city_id,
        c.year
        {%- for v in panel_variables() %},
        max(c.value) filter (where c.variable = '{{ v[0] }}') as {{ v[0] }},
        max(c.flag) filter (where c.variable = '{{ v[0] }}') as {{ v[0] }}_flag
        {%- endfor %}
    from {{ ref('city_panel_cells') }} as c
    group by c.city_id, c.year
),

policies as (
    select
        q.city_id
        {%- for p in panel_policies() %},
        max(q.first_year) filter (where q.policy = '{{ p }}') as first_year_{{ p }}
        {%- endfor %}
        {%- for l in panel_policy_lists() %},
        max(q.first_year) filter (where q.policy = '{{ l.name }}') as first_year_{{ l.name }}
        {%- endfor %},
        coalesce(bool_or(q.is_excluded) filter (where q.policy = '{{ var("treatment_policy") }}'), false) as is_excluded
    from {{ ref('int_policies') }} as q
    group by q.city_id
),

supplied as (  -- a list that nobody supplied calls no city untreated
    select list(distinct q.policy) as policies from {{ ref('int_policies') }} as q
),

judged as (
    select
        r.city_id, r.city_name, r.province, r.province_id, r.unit_kind,
        v.* exclude (city_id),
        p.* exclude (city_id, is_excluded),
        case
            when r.unit_kind not in ({% for k in var('unit_kinds') %}'{{ k }}'{{ ", " if not loop.last }}{% endfor %}) then 1
            when coalesce(p.is_excluded, false) then 2
            {%- for x in wanted %}
            when v.{{ x }} is null then {{ loop.index + 2 }}
            {%- endfor %}
            else 0
        end as drop_step
    from pivoted as v
    inner join {{ ref('ref_cities') }} as r on v.city_id = r.city_id
    left join policies as p on v.city_id = p.city_id
)

select
    j.city_id, j.city_name, j.province, j.province_id, j.unit_kind, j.year
    {%- for v in panel_variables() %},
    j.{{ v[0] }}, j.{{ v[0] }}_flag
    {%- endfor %}
    {%- for p in panel_policies() %},
    cast(j.first_year_{{ p }} as integer) as first_year_{{ p }},
    cast(coalesce(j.year >= j.first_year_{{ p }}, false) as integer) as did_{{ p }}
    {%- endfor %}
    {%- for l in panel_policy_lists() %},
    cast(j.first_year_{{ l.name }} as integer) as first_year_{{ l.name }},
    case
        when list_contains(g.policies, '{{ l.name }}')
            then cast(coalesce(j.year >= j.first_year_{{ l.name }}, false) as integer)
    end as did_{{ l.name }}
    {%- endfor %},
    j.drop_step = 0 as in_sample,
    case j.drop_step
        when 0 then null
        when 1 then 'not_prefecture_city'
        when 2 then 'subcity_pilot_excluded'
        {%- for x in wanted %}
        when {{ loop.index + 2 }}
            {%- set why = "replace(j." ~ x ~ "_flag, 'missing: ', '')" %}
            {%- if x.startswith("lnco2") or x.startswith("co2_mt") %}
            then 'outcome missing: ' || {{ why }}
            {%- else %}
            then 'control missing: {{ x }}: ' || {{ why }}
            {%- endif %}
        {%- endfor %}
    end as drop_reason,
    cast(j.drop_step as integer) as drop_step
from judged as j
cross join supplied as g
