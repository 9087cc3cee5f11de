-- One row per flight of silver: the joins are left joins to unique keys, they neither lose nor double.
select
    flights.flight_date,
    flights.carrier,
    flights.flight,
    flights.origin,
    flights.dest,
    flights.tailnum,
    airlines.airline_key,
    coalesce(origins.airport_key, 'unknown') as origin_key,
    coalesce(destinations.airport_key, 'unknown') as dest_key,
    coalesce(planes.plane_key, 'unknown') as plane_key,
    flights.scheduled_departure_local,
    flights.scheduled_hour_utc,
    flights.departure_local,
    flights.arrival_local,
    flights.dep_delay_min,
    flights.arr_delay_min,
    flights.air_time_min,
    flights.distance_mi,
    flights.is_cancelled,
    flights.is_incomplete,
    -- The rule of the US Department of Transportation: on time is less than 15 minutes late.
    -- Cancelled and incomplete flights are not on time.
    coalesce(flights.arr_delay_min < 15, false) as is_on_time
from {{ source("silver", "flights") }} as flights
left join {{ ref("dim_airline") }} as airlines on flights.carrier = airlines.airline_key
left join {{ ref("dim_airport") }} as origins on flights.origin = origins.airport_key
left join {{ ref("dim_airport") }} as destinations on flights.dest = destinations.airport_key
left join {{ ref("dim_plane") }} as planes on flights.tailnum = planes.plane_key
