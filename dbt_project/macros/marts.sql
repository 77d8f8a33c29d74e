{#- Marts leave the database as parquet: rows in a total order, written through a temporary file, so equal rows are equal bytes.
    A table with a COPY behind it, and not the external materialization, because that one turns an empty table into a row of nulls. -#}
{% macro write_mart() %}
  copy (select * from {{ this }} order by all) to '{{ var("marts_dir") }}/{{ this.identifier }}.parquet'
  (format parquet, compression zstd, row_group_size 122880)
{% endmacro %}
