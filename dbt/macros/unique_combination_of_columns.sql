{#- As dbt_utils has it, for one test alone. Grouping by the columns themselves takes half the time of
    a text made of them, and no separator can stand in a value. -#}
{% test unique_combination_of_columns(model, combination_of_columns) %}
select {{ combination_of_columns | join(", ") }}, count(*) as occurrences
from {{ model }}
group by {{ combination_of_columns | join(", ") }}
having count(*) > 1
{% endtest %}
