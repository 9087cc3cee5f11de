select
    id as location_id,
    name as location_name,
    tax_rate,
    {{ dbt.date_trunc('day', 'opened_at') }} as opened_date,
    {{ dbt.datediff("cast('" ~ first_year() ~ "-01-01' as date)", 'opened_at', 'day') }} as days_after
from {{ source('ecom', 'raw_stores') }}
