"""One or more rules of every class that a contract may use, on the flights of the quality tests."""

from __future__ import annotations

from typing import Any

PAIR = {"column_A": "dep_delay", "column_B": "arr_delay"}
KEYS = {"column_list": ["carrier", "tailnum"]}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "not_null": ("expect_column_values_to_not_be_null", {"column": "carrier"}),
    "not_null_nan": ("expect_column_values_to_not_be_null", {"column": "dep_delay"}),
    "not_null_mostly": (
        "expect_column_values_to_not_be_null",
        {"column": "dep_delay", "mostly": 0.7},
    ),
    "null": ("expect_column_values_to_be_null", {"column": "tailnum"}),
    "null_empty": ("expect_column_values_to_be_null", {"column": "empty"}),
    "between": (
        "expect_column_values_to_be_between",
        {"column": "dep_delay", "min_value": -20, "max_value": 600},
    ),
    "between_strict": (
        "expect_column_values_to_be_between",
        {"column": "dep_delay", "min_value": 0, "strict_min": True},
    ),
    "between_max": (
        "expect_column_values_to_be_between",
        {"column": "distance", "max_value": 600, "strict_max": True},
    ),
    "between_mostly": (
        "expect_column_values_to_be_between",
        {"column": "distance", "min_value": 0, "mostly": 0.85},
    ),
    "between_nothing": (
        "expect_column_values_to_be_between",
        {"column": "empty", "min_value": 0},
    ),
    "between_where": (
        "expect_column_values_to_be_between",
        {
            "column": "dep_delay",
            "min_value": 5,
            "row_condition": 'carrier == "AA"',
            "condition_parser": "pandas",
        },
    ),
    "in_set": (
        "expect_column_values_to_be_in_set",
        {"column": "carrier", "value_set": ["AA", "UA", "DL"]},
    ),
    "in_set_numbers": (
        "expect_column_values_to_be_in_set",
        {"column": "distance", "value_set": [100, 200, 400, 500, 600]},
    ),
    "not_in_set": (
        "expect_column_values_to_not_be_in_set",
        {"column": "carrier", "value_set": ["XX", "YY"]},
    ),
    "unique": ("expect_column_values_to_be_unique", {"column": "id"}),
    "unique_nan": ("expect_column_values_to_be_unique", {"column": "dep_delay"}),
    "unique_text": ("expect_column_values_to_be_unique", {"column": "tailnum"}),
    "unique_where": (
        "expect_column_values_to_be_unique",
        {"column": "id", "row_condition": "distance < 300", "condition_parser": "pandas"},
    ),
    "match": ("expect_column_values_to_match_regex", {"column": "tailnum", "regex": "^N[0-9]+$"}),
    "match_inside": ("expect_column_values_to_match_regex", {"column": "tailnum", "regex": "2"}),
    "not_match": (
        "expect_column_values_to_not_match_regex",
        {"column": "tailnum", "regex": "^[a-z]+$"},
    ),
    "match_any": (
        "expect_column_values_to_match_regex_list",
        {"column": "tailnum", "regex_list": ["^N", "^b"], "match_on": "any"},
    ),
    "match_all": (
        "expect_column_values_to_match_regex_list",
        {"column": "tailnum", "regex_list": ["^N", "2$"], "match_on": "all"},
    ),
    "not_match_any": (
        "expect_column_values_to_not_match_regex_list",
        {"column": "tailnum", "regex_list": ["^b", "7$"]},
    ),
    "length": (
        "expect_column_value_lengths_to_be_between",
        {"column": "tailnum", "min_value": 2, "max_value": 3},
    ),
    "length_equals": ("expect_column_value_lengths_to_equal", {"column": "carrier", "value": 2}),
    "pair_equal": ("expect_column_pair_values_to_be_equal", PAIR),
    "pair_equal_either": (
        "expect_column_pair_values_to_be_equal",
        {**PAIR, "ignore_row_if": "either_value_is_missing"},
    ),
    "pair_equal_ints": (
        "expect_column_pair_values_to_be_equal",
        {"column_A": "distance", "column_B": "miles", "mostly": 0.8},
    ),
    "pair_greater": ("expect_column_pair_values_a_to_be_greater_than_b", PAIR),
    "pair_greater_equal": (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {**PAIR, "or_equal": True, "ignore_row_if": "either_value_is_missing"},
    ),
    "pair_set": (
        "expect_column_pair_values_to_be_in_set",
        {"column_A": "distance", "column_B": "miles", "value_pairs_set": [(100, 100), (200, 201)]},
    ),
    "compound": ("expect_compound_columns_to_be_unique", KEYS),
    "compound_any": (
        "expect_compound_columns_to_be_unique",
        {**KEYS, "ignore_row_if": "any_value_is_missing"},
    ),
    "sum_equal": (
        "expect_multicolumn_sum_to_equal",
        {"column_list": ["distance", "miles"], "sum_total": 400},
    ),
    "record_equal": (
        "expect_multicolumn_values_to_be_equal",
        {"column_list": ["dep_delay", "arr_delay"]},
    ),
    "record_unique": (
        "expect_select_column_values_to_be_unique_within_record",
        {"column_list": ["distance", "miles", "id"]},
    ),
    "min": ("expect_column_min_to_be_between", {"column": "dep_delay", "min_value": -10}),
    "max": ("expect_column_max_to_be_between", {"column": "dep_delay", "max_value": 1000}),
    "max_int": ("expect_column_max_to_be_between", {"column": "distance", "max_value": 599}),
    "mean": ("expect_column_mean_to_be_between", {"column": "dep_delay", "max_value": 100}),
    "mean_where": (
        "expect_column_mean_to_be_between",
        {
            "column": "dep_delay",
            "max_value": 100,
            "row_condition": 'carrier == "AA"',
            "condition_parser": "pandas",
        },
    ),
    "sum": ("expect_column_sum_to_be_between", {"column": "distance", "min_value": 1}),
    "stdev": ("expect_column_stdev_to_be_between", {"column": "arr_delay", "max_value": 400}),
    "median": ("expect_column_median_to_be_between", {"column": "dep_delay", "max_value": 5}),
    "distinct": (
        "expect_column_unique_value_count_to_be_between",
        {"column": "carrier", "min_value": 2, "max_value": 4},
    ),
    "distinct_share": (
        "expect_column_proportion_of_unique_values_to_be_between",
        {"column": "tailnum", "min_value": 0.9},
    ),
    "present_share": (
        "expect_column_proportion_of_non_null_values_to_be_between",
        {"column": "dep_delay", "min_value": 0.9},
    ),
    "distinct_in_set": (
        "expect_column_distinct_values_to_be_in_set",
        {"column": "carrier", "value_set": ["AA", "UA", "DL"]},
    ),
    "distinct_contain": (
        "expect_column_distinct_values_to_contain_set",
        {"column": "carrier", "value_set": ["AA", "ZZ", "YY", "UA"]},
    ),
    "distinct_contain_all": (
        "expect_column_distinct_values_to_contain_set",
        {"column": "distance", "value_set": [100, 600]},
    ),
    "distinct_contain_where": (
        "expect_column_distinct_values_to_contain_set",
        {
            "column": "carrier",
            "value_set": ["AA", "UA"],
            "row_condition": "distance > 300",
            "condition_parser": "pandas",
        },
    ),
    "distinct_equal": (
        "expect_column_distinct_values_to_equal_set",
        {"column": "carrier", "value_set": ["AA", "ZZ", "UA"]},
    ),
    "distinct_equal_all": (
        "expect_column_distinct_values_to_equal_set",
        {"column": "carrier", "value_set": ["AA", "UA", "DL", "XX"]},
    ),
    "most_common": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "carrier", "value_set": ["AA", "UA"]},
    ),
    "most_common_wrong": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "carrier", "value_set": ["UA"]},
    ),
    "most_common_tie": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "tailnum", "value_set": ["N7"]},
    ),
    "most_common_tie_okay": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "tailnum", "value_set": ["N7"], "ties_okay": True},
    ),
    "most_common_nan": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "dep_delay", "value_set": [12.0]},
    ),
    "most_common_nothing": (
        "expect_column_most_common_value_to_be_in_set",
        {"column": "empty", "value_set": [1.0]},
    ),
    "quantiles": (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "distance",
            "quantile_ranges": {
                "quantiles": [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0],
                "value_ranges": [[-5, -5], [None, 200], *[[0, 600]] * 4, [600, None]],
            },
        },
    ),
    "quantiles_failing": (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "dep_delay",
            "quantile_ranges": {"quantiles": [0.3, 0.5], "value_ranges": [[2, 3], [12, 12]]},
        },
    ),
    "quantiles_where": (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "distance",
            "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[200, 400]]},
            "row_condition": 'carrier == "UA"',
            "condition_parser": "pandas",
        },
    ),
    "quantiles_nothing": (
        "expect_column_quantile_values_to_be_between",
        {
            "column": "empty",
            "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, None]]},
        },
    ),
    **{
        f"quantiles_{way}": (
            "expect_column_quantile_values_to_be_between",
            {
                "column": "arr_delay",
                "quantile_ranges": {
                    "quantiles": [0.1, 0.25, 0.5, 0.8],
                    "value_ranges": [[0, 1], [0, 2], [2, 12.5], [12, 13]],
                },
                "allow_relative_error": way,
            },
        )
        for way in ("linear", "lower", "higher", "midpoint", "nearest")
    },
    "z_score": (
        "expect_column_value_z_scores_to_be_less_than",
        {"column": "dep_delay", "threshold": 1.5, "double_sided": True},
    ),
    "z_score_one_sided": (
        "expect_column_value_z_scores_to_be_less_than",
        {"column": "distance", "threshold": 0.5, "double_sided": False, "mostly": 0.5},
    ),
    "z_score_constant": (
        "expect_column_value_z_scores_to_be_less_than",
        {
            "column": "distance",
            "threshold": 1,
            "double_sided": True,
            "row_condition": "distance == 600",
            "condition_parser": "pandas",
        },
    ),
    "z_score_nothing": (
        "expect_column_value_z_scores_to_be_less_than",
        {"column": "empty", "threshold": 1, "double_sided": True},
    ),
    "outliers": ("expect_column_values_to_not_be_outliers", {"column": "arr_delay"}),
    "outliers_far": (
        "expect_column_values_to_not_be_outliers",
        {"column": "distance", "method": "iqr", "multiplier": 0.1, "mostly": 0.9},
    ),
    "outliers_std": (
        "expect_column_values_to_not_be_outliers",
        {"column": "dep_delay", "method": "std", "multiplier": 2},
    ),
    "outliers_std_none": (
        "expect_column_values_to_not_be_outliers",
        {"column": "distance", "method": "std", "multiplier": 0},
    ),
    "outliers_where": (
        "expect_column_values_to_not_be_outliers",
        {
            "column": "distance",
            "multiplier": 0.5,
            "row_condition": "distance > 150",
            "condition_parser": "pandas",
        },
    ),
    "row_count": ("expect_table_row_count_to_be_between", {"min_value": 1, "max_value": 7}),
    "row_count_equal": ("expect_table_row_count_to_equal", {"value": 8}),
    "columns": (
        "expect_table_columns_to_match_set",
        {"column_set": ["id", "carrier"], "exact_match": False},
    ),
    "columns_ordered": (
        "expect_table_columns_to_match_ordered_list",
        {"column_list": ["carrier", "id"]},
    ),
    "column_count": ("expect_table_column_count_to_be_between", {"max_value": 3}),
    "column_count_equal": ("expect_table_column_count_to_equal", {"value": 10}),
    "exists": ("expect_column_to_exist", {"column": "tailnum"}),
    "exists_not": ("expect_column_to_exist", {"column": "tail"}),
}
LIKE: dict[str, tuple[str, dict[str, Any]]] = {
    "tailnum LIKE 'N%'": ("match_like_pattern", {"like_pattern": "N%"}),
    "tailnum LIKE 'n%'": ("match_like_pattern", {"like_pattern": "n%"}),
    "tailnum LIKE 'N_'": ("match_like_pattern", {"like_pattern": "N_"}),
    "tailnum LIKE 'N.'": ("match_like_pattern", {"like_pattern": "N."}),
    "tailnum LIKE ''": ("match_like_pattern", {"like_pattern": ""}),
    "tailnum LIKE 'N!_' ESCAPE '!'": (
        "match_like_pattern",
        {"like_pattern": "N!_", "escape": "!"},
    ),
    "tailnum LIKE 'N%' OR tailnum LIKE 'b_d'": (
        "match_like_pattern_list",
        {"like_pattern_list": ["N%", "b_d"], "match_on": "any"},
    ),
    "tailnum LIKE 'N%' AND tailnum LIKE '%2%'": (
        "match_like_pattern_list",
        {"like_pattern_list": ["N%", "%2%"], "match_on": "all"},
    ),
    "tailnum NOT LIKE '%a%'": ("not_match_like_pattern", {"like_pattern": "%a%"}),
    "tailnum NOT LIKE '%a%' AND tailnum NOT LIKE '%7'": (
        "not_match_like_pattern_list",
        {"like_pattern_list": ["%a%", "%7"]},
    ),
}
"""Great Expectations has no LIKE on pandas; these are compared with SQLite itself."""
LIKE = {
    sql: (f"expect_column_values_to_{name}", {"column": "tailnum", **kwargs})
    for sql, (name, kwargs) in LIKE.items()
}
