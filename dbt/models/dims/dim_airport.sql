-- Flights go to airports that the source does not list (San Juan, among others). They point to the
-- unknown member, so that an inner join with this table loses no flight.
select
    faa as airport_key,
    airport_name,
    latitude_deg,
    longitude_deg,
    altitude_ft,
    utc_offset_h,
    time_zone
from {{ source("silver", "airports") }}
union all
select 'unknown', 'Unknown airport', null, null, null, null, null
