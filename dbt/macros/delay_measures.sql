{#- The measures that every mart counts alike. Ratios are of all scheduled flights. -#}
{% macro delay_measures() %}
    count(*) as flights,
    count(*) filter (is_cancelled) as cancelled_flights,
    count(*) filter (is_cancelled) / count(*)::double as cancelled_ratio,
    count(*) filter (dep_delay_min >= 15) / count(*)::double as delayed_ratio,
    avg(dep_delay_min) as mean_dep_delay_min
{%- endmacro %}
