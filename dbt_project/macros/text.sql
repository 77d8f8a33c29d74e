{#- Printed text to comparable text: no white space (zero-width and full-width included), half-width brackets. -#}
{% macro squeeze(expr) -%}
regexp_replace(translate({{ expr }}, '（）：，％', '():,%'), '[\s\x{3000}\x{200B}\x{200C}\x{FEFF}\x{00A0}]', '', 'g')
{%- endmacro %}

{#- A printed place name without footnote marks. -#}
{% macro place_key(expr) -%}
regexp_replace({{ squeeze(expr) }}, '[①-⑳⑴-⒇¹²³*＊#]', '', 'g')
{%- endmacro %}

{#- A printed indicator label: no white space, no trailing unit in brackets or after an underscore, no scope. -#}
{% macro label_key(expr) -%}
regexp_replace(regexp_replace({{ squeeze(expr) }}, '_?\(?(全市|市辖区)\)?$', ''),
  '_?\(?(元|千元|万元|百万元|亿元|亿元人民币|户|万户|人|万人|平方公里|平方米|美元|万美元|百万美元|%|吨|万吨|件|项)\)?$', '')
{%- endmacro %}
