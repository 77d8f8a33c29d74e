{% test unique_key(model, columns) %}
-- No combination of the columns twice, none of them null in all rows of a key.
select {{ columns | join(', ') }}, count(*) as n
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
