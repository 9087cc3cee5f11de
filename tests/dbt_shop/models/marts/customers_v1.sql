select * exclude (customer_type) from {{ ref('customers', v=2) }}
