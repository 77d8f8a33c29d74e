-- The truth of the panel in long form: one row per city, year and variable, with formula, flag and the raw rows of every input.
-- A missing value has a row too: its flag says why. city_panel is the pivot of this table.
{%- set inputs = panel_inputs() %}
with grid as (
    select c.city_id, cast(t.year as integer) as year
    from {{ ref('ref_cities') }} as c
    cross join (select unnest(range({{ var('window_start') }}, {{ var('window_end') }} + 1)) as year) as t
),

emissions as (
    select i.city_id, i.year, 'co2_mt' as input_id, i.value, i.flag, i.inputs
    from {{ ref('int_inputs') }} as i
    where
    {%- if var('emission_series') == 'spliced' %}
        i.input_id = case
            when i.year < {{ var('splice_year') }} then '{{ series_input(var("splice_first")) }}'
            else '{{ series_input(var("splice_second")) }}'
        end
    {%- else %}
        i.input_id = '{{ series_input(var("emission_series")) }}'
    {%- endif %}
),

available as (
    select i.city_id, i.year, i.input_id, i.value, i.flag, i.inputs from {{ ref('int_inputs') }} as i
    union all
    select e.city_id, e.year, e.input_id, e.value, e.flag, e.inputs from emissions as e
),

supplied as (
    select list(distinct a.input_id) as ids from available as a where a.value is not null
),

wide as (
    select
        g.city_id, g.year
        {%- for x in inputs %},
        any_value(a.value) filter (where a.input_id = '{{ x }}') as {{ x }}__value,
        any_value(a.flag) filter (where a.input_id = '{{ x }}') as {{ x }}__flag,
        coalesce(any_value(a.inputs) filter (where a.input_id = '{{ x }}'), []) as {{ x }}__inputs
        {%- endfor %}
    from grid as g
    left join available as a on g.city_id = a.city_id and g.year = a.year
    group by g.city_id, g.year
),

long as (
{%- for v in panel_variables() %}
    {%- set values = {} %}
    {%- for x in v[4] %}{%- do values.update({x: 'w.' ~ x ~ '__value'}) %}{%- endfor %}
    {%- set ns = namespace(expr=v[3]) %}
    {%- for x in v[4] %}{%- set ns.expr = ns.expr | replace('{' ~ x ~ '}', values[x]) %}{%- endfor %}
    select
        w.city_id, w.year, '{{ v[0] }}' as variable,
        {{ ns.expr }} as value,
        '{{ v[1] }}' as unit,
        '{{ v[2] | replace("'", "''") }}' as formula,
        nullif(concat_ws('; ',
            {%- for x in v[4] %}
            case
                when w.{{ x }}__value is not null then null
                when not list_contains(s.ids, '{{ x }}') then 'not supplied: {{ x }}'
                else 'missing: {{ x }} (' || coalesce(w.{{ x }}__flag, 'no_observation') || ')'
            end{{ "," if not loop.last }}
            {%- endfor %}), '') as missing,
        list_distinct(string_split(concat_ws(';'{% for x in v[4] %}, w.{{ x }}__flag{% endfor %}), ';')) as flags,
        {% for x in v[4] %}{% if not loop.last %}list_concat({% endif %}w.{{ x }}__inputs{{ ", " if not loop.last }}{% endfor %}
        {%- for x in v[4] %}{% if not loop.last %}){% endif %}{% endfor %} as inputs
    from wide as w
    cross join supplied as s
    union all
{%- endfor %}
{%- for p in panel_policies() %}
    select
        g.city_id, g.year, 'did_{{ p }}' as variable,
        coalesce(g.year >= q.first_year, false)::double as value,
        '0/1' as unit,
        case
            when q.first_year is null then 'not listed in policy_adoptions under the study''s rules'
            else '1 from ' || q.first_year || ' on (policy_adoptions, ' || q.source_status || ': ' || q.source || ')'
        end as formula,
        null as missing,
        [] as flags,
        [] as inputs
    from grid as g
    left join {{ ref('int_policies') }} as q on q.policy = '{{ p }}' and g.city_id = q.city_id
    {%- if not loop.last %}
    union all
    {%- endif %}
{%- endfor %}
{%- for l in panel_policy_lists() %}
    {%- for column in ['first_year', 'did'] %}
    union all
    select
        g.city_id, g.year, '{{ column }}_{{ l.name }}' as variable,
        {%- if column == 'did' %}
        case when s.is_supplied then coalesce(g.year >= q.first_year, false)::double end as value,
        '0/1' as unit,
        coalesce('1 from ' || q.first_year || ' on ({{ "policy_list " ~ l.edition }}, as printed)', 'not on the list') as formula,
        {%- else %}
        q.first_year::double as value,
        'year' as unit,
        'earliest year that {{ "policy_list " ~ l.edition }} prints for the city' as formula,
        {%- endif %}
        case when s.is_supplied then 'not on the list' else 'not supplied: {{ "policy_list " ~ l.edition }}' end as missing,
        [] as flags,
        case
            when q.city_id is null then []
            else [{'variable': 'pilot_year', 'value': q.first_year::double, 'raw_ids': q.raw_ids}]
        end as inputs
    from grid as g
    cross join (
        select count(*) > 0 as is_supplied from {{ ref('int_policies') }} as c where c.policy = '{{ l.name }}'
    ) as s
    left join {{ ref('int_policies') }} as q on q.policy = '{{ l.name }}' and g.city_id = q.city_id
    {%- endfor %}
{%- endfor %}
)

select
    l.city_id,
    l.year,
    l.variable,
    l.value,
    l.unit,
    l.formula,
    case
        when l.value is null then coalesce(l.missing, 'missing: no logarithm or ratio of what was observed')
        else nullif(array_to_string(list_sort(l.flags), ';'), '')
    end as flag,
    l.inputs
from long as l
