select
    cast({{ dbt.dateadd('month', 1, 'date_month') }} as date) as date_month,
    customer_id,
    cast(0 as {{ dbt.type_float() }}) as mrr,
    false as is_active,
    first_active_month,
    last_active_month,
    false as is_first_month,
    false as is_last_month
from {{ ref('revenue_by_month') }}
where is_last_month
