-- One flight in six has no plane in the register. They point to the unknown member.
select
    tailnum as plane_key,
    built_year,
    plane_type,
    manufacturer,
    model,
    engines,
    seats,
    cruise_speed_mph,
    engine_type
from {{ source("silver", "planes") }}
union all
select 'unknown', null, 'Unknown', 'Unknown', 'Unknown', null, null, null, 'Unknown'
