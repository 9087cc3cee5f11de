select
    facts.airline_key,
    cast(date_trunc('month', facts.flight_date) as date) as month_start,
    {{ delay_measures() }},
    count(*) filter (facts.is_on_time) / count(*)::double as on_time_ratio
from {{ ref("fct_flights") }} as facts
group by facts.airline_key, month_start
