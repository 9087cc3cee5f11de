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

  {% call statement("main") %}
    {%- if config.get("contract").enforced %}
    {{ get_assert_columns_equivalent(sql) }}
    {%- set sql = get_select_subquery(sql) %}
    {%- endif %}
    copy (
      {{ sql }}
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
