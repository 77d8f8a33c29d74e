-- Totals only: the sectors and fuels stay in raw, where the trace finds them.
{{ stage(
    'ceads_province',
    places='province',
    label="r.indicator_label || '|' || r.sub_label",
    only="r.sub_label ilike 'scope 1 total%' and r.indicator_label ilike 'total %'"
) }}
