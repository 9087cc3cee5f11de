select cast(date_day as date) as date_day
from ({{ dbt_utils.date_spine('day', "cast('2016-01-01' as date)", "cast('2016-03-01' as date)") }})
