{% test is_small(model, column_name, limit=100) %}

select * from {{ model }} where {{ column_name }} > {{ limit }}

{% endtest %}
