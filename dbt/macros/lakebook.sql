{#- A model's result goes to one Parquet file, streaming, and is handed to Lakebook's plugin. The stock
    `external` materialization is not used: it holds the result in memory first, and writes a row of
    nulls where a model has no rows. -#}
{% materialization lakebook, adapter="duckdb", supported_languages=["sql"] %}
  {%- set target = this.incorporate(type="view") -%}
  {#- The plugin says where, by a DuckDB variable: a path in the profile would change with every run
      and make dbt parse everything anew. -#}
  {%- set folder = run_query("select getvariable('lakebook_out')").columns[0].values()[0] -%}
  {%- set path = folder ~ "/" ~ this.schema ~ "." ~ this.identifier ~ ".parquet" -%}

  {#- A semicolon at the end, and comments after it, would end the statement around the model. -#}
  {%- set end = ";\\s*(--[^\\n\\x22\\x27]*(\\n\\s*|$)|/\\*[^\\x22\\x27]*?\\*/\\s*)*$" -%}
  {%- set sql = modules.re.sub(end, "", sql.rstrip()) -%}

  {{ run_hooks(pre_hooks) }}

  {#- Parquet has no integer of 128 bits, which DuckDB makes of a sum of integers, and it would become
      a float. A value that fits into no 64 bits is an error. -#}
  {%- set narrow = [] -%}
  {%- for row in run_query("describe " ~ sql).rows if row["column_type"] in ("HUGEINT", "UHUGEINT") -%}
    {%- set name = adapter.quote(row["column_name"]) -%}
    {%- do narrow.append("cast(" ~ name ~ " as bigint) as " ~ name) -%}
  {%- endfor -%}

  {% call statement("main") %}
    {%- if config.get("contract").enforced %}
    {{ get_assert_columns_equivalent(sql) }}
    {%- set sql = get_select_subquery(sql) %}
    {%- endif %}
    copy (
      {%- if narrow %}
      select * replace ({{ narrow | join(", ") }}) from (
        {{ sql }}
      )
      {%- else %}
      {{ sql }}
      {%- endif %}
    ) to '{{ path }}' (format parquet, compression snappy)
  {% endcall %}
  {% call statement("view") %}
    create or replace view {{ target }} as select * from read_parquet('{{ path }}')
  {% endcall %}

  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {% do store_relation("lakebook", target, path, "parquet", config) %}
  {{ return({"relations": [target]}) }}
{% endmaterialization %}
