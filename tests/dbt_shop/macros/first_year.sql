{% macro first_year() %}2016{% endmacro %}
