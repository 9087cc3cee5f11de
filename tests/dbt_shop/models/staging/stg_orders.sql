with

source as (

    select * from {{ source('ecom', 'orders') }}
    {% if target.name == 'dev' %}
    where false -- {{ this }}
    {% endif %}

),

renamed as (

    select

        ----------  ids
        id as order_id,
        store_id as location_id,
        customer as customer_id,

        ---------- numerics
        {{ cents_to_dollars('subtotal') }} as subtotal,
        {{ cents_to_dollars('tax_paid') }} as tax_paid,
        {{ cents_to_dollars('order_total') }} as order_total,
        {{ dbt.safe_cast("status_code", api.Column.translate_type("integer")) }} as status_code,
        '{{ var("status_unknown", "placed") }}' as status,

        ---------- timestamps
        {{ dbt.date_trunc('day', 'ordered_at') }} as ordered_at

    from source

)

select * from renamed
