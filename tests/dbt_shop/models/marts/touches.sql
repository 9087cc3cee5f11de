{#- Each order of a customer gets its share of what the customer ever paid. -#}
with orders as (

    select order_id, customer_id, ordered_at, total_sessions, session_index, lifetime_spend
    from (
        select
            *,
            count(*) over (partition by customer_id) as total_sessions,
            row_number() over (partition by customer_id order by orders.ordered_at, order_id) as session_index
        from {{ ref('orders') }} as orders
        left join {{ ref('customers') }} as customers using (customer_id)
        where orders.ordered_at >= {{ dbt.dateadd('day', -3000, 'customers.first_ordered_at') }}
    )

),

spend as (

    select product_id as sku, max(supply_cost) as cost from {{ ref('order_items') }} group by all

)

select
    *,
    case
        when total_sessions = 1 then 1.0
        when total_sessions = 2 then 0.5
        when session_index in (1, total_sessions) then 0.4
        else 0.2 / (total_sessions - 2)
    end as points,
    1.0 / total_sessions as linear_points,
    lifetime_spend * points as spend_of_points
from orders
full outer join spend on spend.sku = orders.order_id
