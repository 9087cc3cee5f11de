{{ config(materialized='table', tags=['finance']) }}

with

customers as (select * from {{ ref('stg_customers') }}),

customer_orders_summary as (

    select
        orders.customer_id,
        count(distinct orders.order_id) as count_lifetime_orders,
        count(distinct orders.order_id) > 1 as is_repeat_buyer,
        min(orders.ordered_at) as first_ordered_at,
        sum(orders.subtotal) as lifetime_spend_pretax,
        sum(orders.tax_paid) as lifetime_tax_paid,
        sum(orders.order_total) as lifetime_spend

    from {{ ref('shop', 'orders') }} as orders
    group by 1

)

select
    customers.*,
    customer_orders_summary.* exclude (customer_id, is_repeat_buyer),
    case when customer_orders_summary.is_repeat_buyer then 'returning' else 'new' end as customer_type
from customers
left join customer_orders_summary on customers.customer_id = customer_orders_summary.customer_id
