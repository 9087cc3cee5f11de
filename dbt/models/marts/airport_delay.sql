select
    flight_date,
    origin_key,
    {{ delay_measures() }},
    cast(max(dep_delay_min) as bigint) as max_dep_delay_min
from {{ ref("fct_flights") }}
group by flight_date, origin_key
