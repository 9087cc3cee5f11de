with source as (

    {#-
    One would read a table of a source here; in this project a seed has the rows
    #}
    select * from {{ ref('raw_customers') }}

),

renamed as (

    select

        ----------  ids
        id as customer_id,

        ---------- text
        name as customer_name

    from source

)

select * from renamed
