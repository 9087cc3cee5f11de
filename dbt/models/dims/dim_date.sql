-- All days of the years that have flights, so that a day without any shows as zero and not as a gap.
with span as (
    select
        date_trunc('year', min(flight_date)) as first_day,
        date_trunc('year', max(flight_date)) + interval 1 year as end_day
    from {{ source("silver", "flights") }}
),

days as (
    select cast(unnest(range(first_day, end_day, interval 1 day)) as date) as date_key
    from span
)

select
    date_key,
    cast(year(date_key) as integer) as year,
    cast(quarter(date_key) as integer) as quarter,
    cast(month(date_key) as integer) as month,
    monthname(date_key) as month_name,
    cast(day(date_key) as integer) as day_of_month,
    cast(isodow(date_key) as integer) as weekday,
    dayname(date_key) as weekday_name,
    isodow(date_key) >= 6 as is_weekend
from days
