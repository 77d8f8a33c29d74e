{#- A logarithm that is missing, and no error, where its argument is not above zero. -#}
{% macro log_of(x) %}{{ return('case when ' ~ x ~ ' > 0 then ln(' ~ x ~ ') end') }}{% endmacro %}

{#- The panel's variables, once: unit, formula as text, SQL over the inputs of one city-year (`{x}` is the value of input x),
    and the inputs in the order in which the trace shows them. city_panel_cells is made of these; city_panel is its pivot. -#}
{% macro panel_variables() %}
{%- set v = [] -%}
{%- do v.append(['co2_mt', 'Mt', 'the emission series of the study: ' ~ emission_text(), '{co2_mt}', ['co2_mt']]) -%}
{%- do v.append(['lnco2', 'ln Mt', 'ln(co2_mt)', log_of('{co2_mt}'), ['co2_mt']]) -%}
{%- do v.append(['co2_mt_chen_county', 'Mt', 'sum of the counties of 2010 by city of 2021', '{co2_mt_chen_county}', ['co2_mt_chen_county']]) -%}
{%- do v.append(['co2_mt_ceads_city', 'Mt', 'CEADS city total', '{co2_mt_ceads_city}', ['co2_mt_ceads_city']]) -%}
{%- do v.append(['co2_mt_edgar', 'Mt', 'EDGAR city total / 1e6', '{co2_mt_edgar}', ['co2_mt_edgar']]) -%}
{%- do v.append(['green', 'applications', 'green_inv_app + green_um_app', '{green_inv_app} + {green_um_app}', ['green_inv_app', 'green_um_app']]) -%}
{%- do v.append(['lngreen', 'ln applications', 'ln(1 + green_inv_app + green_um_app)', 'ln(1 + {green_inv_app} + {green_um_app})', ['green_inv_app', 'green_um_app']]) -%}
{%- do v.append(['er', 'share of words', 'env_words / total_words', '{env_words} / nullif({total_words}, 0)', ['env_words', 'total_words']]) -%}
{%- do v.append(['er_chars', 'share of characters', 'env_chars / total_chars', '{env_chars} / nullif({total_chars}, 0)', ['env_chars', 'total_chars']]) -%}
{%- do v.append(['lnpgdp', 'ln yuan per head, prices of ' ~ var('gdp_base_year'), 'ln(gdp_real_yuan / population_persons)', log_of('{gdp_real_yuan} / nullif({population_persons}, 0)'), ['gdp_real_yuan', 'population_persons']]) -%}
{%- do v.append(['lnpgdp_nominal', 'ln yuan per head', 'ln(gdp_yuan / population_persons)', log_of('{gdp_yuan} / nullif({population_persons}, 0)'), ['gdp_yuan', 'population_persons']]) -%}
{%- do v.append(['internet', 'ln households', 'ln(internet_users)', log_of('{internet_users}'), ['internet_users']]) -%}
{%- do v.append(['internet_per100', 'users per 100 persons', '100 * internet_users / population_persons', '100 * {internet_users} / nullif({population_persons}, 0)', ['internet_users', 'population_persons']]) -%}
{%- do v.append(['gov', 'ratio', 'fai_yuan / budget_expenditure_yuan', '{fai_yuan} / nullif({budget_expenditure_yuan}, 0)', ['fai_yuan', 'budget_expenditure_yuan']]) -%}
{%- do v.append(['budget_gdp', 'ratio', 'budget_expenditure_yuan / gdp_yuan', '{budget_expenditure_yuan} / nullif({gdp_yuan}, 0)', ['budget_expenditure_yuan', 'gdp_yuan']]) -%}
{%- do v.append(['market', 'ratio', 'retail_sales_yuan / gdp_yuan', '{retail_sales_yuan} / nullif({gdp_yuan}, 0)', ['retail_sales_yuan', 'gdp_yuan']]) -%}
{%- do v.append(['edu', 'share', 'education_expenditure_yuan / budget_expenditure_yuan', '{education_expenditure_yuan} / nullif({budget_expenditure_yuan}, 0)', ['education_expenditure_yuan', 'budget_expenditure_yuan']]) -%}
{%- do v.append(['industry', 'share', 'industrial_va_yuan / gdp_yuan', '{industrial_va_yuan} / nullif({gdp_yuan}, 0)', ['industrial_va_yuan', 'gdp_yuan']]) -%}
{%- do v.append(['loans_yuan', 'yuan', 'loans_yuan', '{loans_yuan}', ['loans_yuan']]) -%}
{%- do v.append(['loans_gdp', 'ratio', 'loans_yuan / gdp_yuan', '{loans_yuan} / nullif({gdp_yuan}, 0)', ['loans_yuan', 'gdp_yuan']]) -%}
{%- do v.append(['sec_share', 'share', 'secondary_va_yuan / gdp_yuan', '{secondary_va_yuan} / nullif({gdp_yuan}, 0)', ['secondary_va_yuan', 'gdp_yuan']]) -%}
{%- do v.append(['lnpop', 'ln persons', 'ln(population_persons)', log_of('{population_persons}'), ['population_persons']]) -%}
{%- do v.append(['population_persons', 'persons', 'population_persons', '{population_persons}', ['population_persons']]) -%}
{%- do v.append(['market_index', 'index', "the province's marketization index", '{market_index}', ['market_index']]) -%}
{%- do v.append(['patents_granted', 'patents', 'patents_granted', '{patents_granted}', ['patents_granted']]) -%}
{%- do v.append(['patents_per10k', 'patents per 10 000 persons', '10000 * patents_granted / population_persons', '10000 * {patents_granted} / nullif({population_persons}, 0)', ['patents_granted', 'population_persons']]) -%}
{%- do v.append(['fdi_usd', 'usd', 'fdi_usd', '{fdi_usd}', ['fdi_usd']]) -%}
{%- do v.append(['area_km2', 'km2', 'area_km2', '{area_km2}', ['area_km2']]) -%}
{{ return(v) }}
{% endmacro %}

{#- Inputs that the formulas name, each once, in order of first use. -#}
{% macro panel_inputs() %}
{%- set names = [] -%}
{%- for v in panel_variables() -%}
  {%- for i in v[4] -%}{%- if i not in names -%}{%- do names.append(i) -%}{%- endif -%}{%- endfor -%}
{%- endfor -%}
{{ return(names) }}
{% endmacro %}

{#- The input that stands for an emission series, by the name that a study uses. -#}
{% macro series_input(series) %}
{{ return({'chen_county': 'co2_mt_chen_county', 'ceads_city': 'co2_mt_ceads_city', 'edgar_city': 'co2_mt_edgar'}[series]) }}
{% endmacro %}

{% macro emission_text() %}
{%- if var('emission_series') == 'spliced' -%}
  {{ return(series_input(var('splice_first')) ~ ' before ' ~ var('splice_year') ~ ', ' ~ series_input(var('splice_second')) ~ ' from then on') }}
{%- else -%}
  {{ return(series_input(var('emission_series'))) }}
{%- endif -%}
{% endmacro %}

{#- Policies with columns in the panel: the var `policies`, every policy that has a list. A new policy touches no SQL. -#}
{% macro panel_policies() %}
{{ return(var('policies')) }}
{% endmacro %}

{#- Published lists that date the study's policy once more, each under a name of its own: the var `policy_lists`. -#}
{% macro panel_policy_lists() %}
{{ return(var('policy_lists')) }}
{% endmacro %}
