-- Each flight is counted once per factor, in the band of its scheduled hour at its airport.
{%- set factors = {
    "wind": ("wind_speed_mph", "mph", [10, 20, 30]),
    "precipitation": ("precip_in", "in", [0.01, 0.1]),
    "visibility": ("visibility_mi", "mi", [1, 3, 10]),
    "temperature": ("temp_f", "degF", [32, 50, 70, 90]),
} %}
with flights as (
    select
        facts.is_cancelled,
        facts.dep_delay_min,
        weather.wind_speed_mph,
        weather.precip_in,
        weather.visibility_mi,
        weather.temp_f
    from {{ ref("fct_flights") }} as facts
    left join {{ source("silver", "weather") }} as weather
        on facts.origin = weather.origin
        and facts.scheduled_hour_utc = weather.observed_hour_utc
)

{% for factor, (column, unit, edges) in factors.items() %}
select
    '{{ factor }}' as factor,
    cast(case
        when {{ column }} is null then 0
        {%- for edge in edges %}
        when {{ column }} < {{ edge }} then {{ loop.index }}
        {%- endfor %}
        else {{ edges | length + 1 }}
    end as integer) as band_order,
    case
        when {{ column }} is null then 'not known'
        when {{ column }} < {{ edges[0] }} then 'below {{ edges[0] }} {{ unit }}'
        {%- for edge in edges[1:] %}
        when {{ column }} < {{ edge }} then '{{ edges[loop.index0] }} to {{ edge }} {{ unit }}'
        {%- endfor %}
        else '{{ edges[-1] }} {{ unit }} and more'
    end as band,
    {{ delay_measures() }}
from flights
group by all
{% if not loop.last %}union all{% endif %}
{% endfor %}
