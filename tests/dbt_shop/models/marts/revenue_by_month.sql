with subscription_periods as (select * from {{ ref('subscription_periods') }}),

customers as (

    select
        customer_id,
        date_trunc('month', min(start_date)) as date_month_start,
        date_trunc('month', max(end_date)) as date_month_end
    from subscription_periods
    group by 1

),

customer_months as (

    select customers.customer_id, months.date_month
    from customers
    inner join {{ ref('util_months') }} as months
        on months.date_month >= customers.date_month_start
        and months.date_month < customers.date_month_end

),

joined as (

    select
        customer_months.date_month,
        customer_months.customer_id,
        coalesce(subscription_periods.monthly_amount, 0) as mrr
    from customer_months
    left join subscription_periods
        on customer_months.customer_id = subscription_periods.customer_id
        and customer_months.date_month >= subscription_periods.start_date
        and (customer_months.date_month < subscription_periods.end_date
                or subscription_periods.end_date is null)

)

select
    date_month,
    customer_id,
    mrr,
    mrr > 0 as is_active,
    min(case when is_active then date_month end) over (partition by customer_id) as first_active_month,
    max(case when is_active then date_month end) over (partition by customer_id) as last_active_month,
    first_active_month = date_month as is_first_month,
    last_active_month = date_month as is_last_month
from joined
