{% set payment_methods = ['credit_card', 'coupon', 'bank_transfer', 'gift_card'] %}

with

orders as (select * from {{ ref('stg_orders') }}),

order_payments as (

    select
        order_id,

        {% for payment_method in payment_methods -%}
        sum(case when payment_method = '{{ payment_method }}' then amount else 0 end) as {{ payment_method }}_amount,
        {% endfor -%}

        sum(amount) as total_amount

    from {{ ref('stg_payments') }}
    group by order_id

),

order_items_summary as (

    select
        order_id,
        sum(supply_cost) as order_cost,
        sum(case when is_food_item then 1 else 0 end) as count_food_items,
        sum(case when is_drink_item then 1 else 0 end) as count_drink_items

    from {{ ref('order_items') }}
    group by 1

),

compute_booleans as (

    select
        orders.*,
        {% for payment_method in payment_methods %}
        order_payments.{{ payment_method }}_amount{% if not loop.last %},{% endif %}
        {% endfor %},
        order_payments.total_amount as amount,
        order_items_summary.order_cost,
        order_items_summary.count_food_items,
        order_items_summary.count_drink_items,
        order_items_summary.count_food_items > 0 as is_food_order,
        order_items_summary.count_drink_items > 0 as is_drink_order

    from orders
    left join order_items_summary on orders.order_id = order_items_summary.order_id
    left join order_payments on orders.order_id = order_payments.order_id

)

select
    *,
    row_number() over (partition by customer_id order by ordered_at, order_id) as customer_order_number
from compute_booleans
