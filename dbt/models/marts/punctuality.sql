select
    facts.airline_key,
    any_value(airlines.airline_name) as airline_name,
    {{ delay_measures() }},
    avg(facts.arr_delay_min) as mean_arr_delay_min,
    median(facts.arr_delay_min) as median_arr_delay_min,
    count(*) filter (facts.is_on_time) / count(*)::double as on_time_ratio
from {{ ref("fct_flights") }} as facts
inner join {{ ref("dim_airline") }} as airlines on facts.airline_key = airlines.airline_key
group by facts.airline_key
