-- Every flight has an airline (silver.flights fails on a code that is none), so no unknown member.
select
    carrier as airline_key,
    airline_name
from {{ source("silver", "airlines") }}
