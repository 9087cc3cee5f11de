select count(*) filter (is_food_order) / count(*) as share from {{ ref('orders') }}
