"""Quality rules and references of a contract: what they become, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from lakebook.contract.expectations import EXPECTATIONS
from lakebook.contract.expectations import REFUSED as EXPECTATIONS_REFUSED
from lakebook.contract.model import Contract, Rule
from lakebook.errors import ContractError
from lakebook.names import Dataset

Load = Callable[..., Contract]

BETWEEN = "type: expect_column_values_to_be_between"
BOUNDS = "kwargs: {min_value: -120, max_value: 2880}"
LIBRARY = "        metric: rowCount\n        mustBeGreaterThan: 0\n"
CUSTOM = """\
            type: custom
            engine: greatExpectations
            implementation:
              type: expect_column_values_to_be_between
              kwargs: {min_value: -120, max_value: 2880}
"""


def rule_of(contract: Contract, name: str) -> Rule:
    return next(rule for rule in contract.tables[0].rules if rule.name == name)


def test_a_rule_of_a_column_is_on_that_column(load: Load) -> None:
    rule = rule_of(load(), "plausible_delay")

    assert rule.expectation == "expect_column_values_to_be_between"
    assert rule.kwargs == {"column": "dep_delay_min", "min_value": -120, "max_value": 2880}
    assert (rule.column, rule.action, rule.scope) == ("dep_delay_min", "quarantine", "row")
    assert rule.reason == "No flight leaves two days late."


def test_a_rule_of_a_table_fails_its_partition_by_default(load: Load) -> None:
    rule = rule_of(load(), "enough_rows")

    assert (rule.action, rule.scope, rule.dimension) == ("fail", "partition", "completeness")


def test_a_class_may_be_written_in_camel_case(load: Load) -> None:
    contract = load((BETWEEN, "type: ExpectColumnValuesToBeBetween"))

    assert rule_of(contract, "plausible_delay").expectation == "expect_column_values_to_be_between"


def test_a_rule_without_a_name_is_named_by_what_it_expects(load: Load) -> None:
    contract = load(("name: plausible_delay\n            type", "type"))

    assert contract.tables[0].rules[1].name == "dep_delay_min_be_between"


def test_a_rule_in_words_is_for_people(load: Load) -> None:
    contract = load((LIBRARY, "        type: text\n"))

    assert [rule.name for rule in contract.tables[0].rules] == ["plausible_delay"]


def test_uniqueness_looks_at_a_partition_and_can_quarantine(load: Load) -> None:
    contract = load((BETWEEN, "type: expect_column_values_to_be_unique"), (BOUNDS, "kwargs: {}"))
    rule = rule_of(contract, "plausible_delay")

    assert (rule.action, rule.scope) == ("quarantine", "partition")


@pytest.mark.parametrize(
    ("metric", "expectation", "kwargs"),
    [
        ("{metric: nullValues, mustBe: 0}", "values_to_not_be_null", {}),
        (
            "{metric: nullValues, mustBeLessOrEqualTo: 5, unit: percent}",
            "values_to_not_be_null",
            {"mostly": 0.95},
        ),
        ("{metric: missingValues, mustBe: 0}", "values_to_not_be_null", {}),
        (
            "{metric: missingValues, arguments: {missingValues: [-999]}, mustBe: 0}",
            "values_to_not_be_in_set",
            {"value_set": [-999]},
        ),
        (
            "{metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0}",
            "values_to_be_in_set",
            {"value_set": [1, 2]},
        ),
        (
            "{metric: invalidValues, arguments: {pattern: '^[A-Z]{2}$'}, mustBe: 0}",
            "values_to_match_regex",
            {"regex": "^[A-Z]{2}$"},
        ),
        ("{metric: duplicateValues, mustBe: 0}", "values_to_be_unique", {}),
    ],
)
def test_a_library_metric_of_a_column_is_a_standard_class(
    load: Load, metric: str, expectation: str, kwargs: dict[str, object]
) -> None:
    fields = "".join(f"            {part}\n" for part in _block(metric))
    kind = ("integer", "int32") if "pattern" not in metric else ("string", "string")
    typed = "logicalType: {}\n        physicalType: {}\n        customProperties"
    change = (typed.format("integer", "int32"), typed.format(*kind))
    rule = rule_of(load((CUSTOM, fields), change), "plausible_delay")

    assert rule.expectation == f"expect_column_{expectation}"
    assert rule.kwargs == {"column": "dep_delay_min", **kwargs}


@pytest.mark.parametrize(
    ("operator", "kwargs"),
    [
        ("mustBe: 16", {"min_value": 16, "max_value": 16}),
        ("mustNotBe: 0", {"min_value": 1}),
        ("mustBeBetween: [1, 9]", {"min_value": 1, "max_value": 9}),
        ("mustBeGreaterThan: 3", {"min_value": 3, "strict_min": True}),
        ("mustBeGreaterOrEqualTo: 3", {"min_value": 3}),
        ("mustBeLessThan: 3", {"max_value": 3, "strict_max": True}),
        ("mustBeLessOrEqualTo: 3", {"max_value": 3}),
    ],
)
def test_a_row_count_keeps_its_operator(
    load: Load, operator: str, kwargs: dict[str, object]
) -> None:
    rule = rule_of(load(("mustBeGreaterThan: 0", operator)), "enough_rows")

    assert rule.expectation == "expect_table_row_count_to_be_between"
    assert rule.kwargs == kwargs


def test_duplicates_of_several_columns_are_a_compound_key(load: Load) -> None:
    contract = load(
        (
            LIBRARY,
            "        metric: duplicateValues\n"
            "        arguments: {properties: [carrier, flight_date]}\n"
            "        mustBe: 0\n",
        )
    )
    rule = rule_of(contract, "enough_rows")

    assert rule.expectation == "expect_compound_columns_to_be_unique"
    assert rule.kwargs == {"column_list": ["carrier", "flight_date"]}


REFUSED = [
    ("be_between\n", "be_betwen\n", "(did you mean 'expect_column_values_to_be_between'?)"),
    ("be_between\n", "be_of_type\n", "state the type as the column's physicalType"),
    ("min_value", "min_valu", "has no argument 'min_valu' (did you mean 'min_value'?)"),
    ("max_value: 2880", "mostly: 95", "give a share from 0 to 1"),
    ("{min_value: -120,", "{column: fare,", "names the column 'fare'; leave column out"),
    ("be_between\n", "be_in_set\n", "has no argument 'min_value'"),
    (BOUNDS, "kwargs: [1]", "kwargs is not a mapping"),
    ("kwargs:", "kwarg:", "(did you mean 'kwargs'?)"),
    ("engine: greatExpectations", "engine: soda", "engine 'soda' is unknown"),
    ("value: quarantine", "value: quarantin", "(did you mean 'quarantine'?)"),
    ("property: action,", "property: acton,", "(did you mean 'action'?)"),
    ("            description: No flight leaves two days late.\n", "", "gives no reason"),
    ("name: plausible_delay", "name: enough_rows", "two rules are named 'enough_rows'"),
    ("name: plausible_delay", "name: carrier_in_airlines", "name of a relationship and"),
    ("metric: rowCount", "metric: nullValues", "move it to a column's quality"),
    ("metric: rowCount", "metric: rowCnt", "(did you mean 'rowCount'?)"),
    ("metric: rowCount", "metric: duplicateValues", "does not say of which columns"),
    ("mustBeGreaterThan: 0", "mustBeGraterThan: 0", "(did you mean 'mustBeGreaterThan'?)"),
    ("mustBeGreaterThan: 0", "mustBeLessThan: 5\n        unit: percent", "use unit: rows"),
    ("mustBeGreaterThan: 0", "mustBe: many", "give a number"),
    (
        "type: expect_column_values_to_be_between\n              kwargs: {min_value: -120, max",
        "type: expect_column_mean_to_be_between\n              kwargs: {max",
        "cannot quarantine: it does not say which rows are bad",
    ),
    ("value: quarantine}", "value: quarantine}, {property: scope, value: table}", "use partition"),
    ("to: airlines.carrier", "to: airlines", "write table.column or layer.table.column"),
    ("to: airlines.carrier", "to: slver.airlines.carrier", "(did you mean 'silver'?)"),
    (
        "to: airlines.carrier",
        "to: airlines.carrier\n            customProperties: [{property: action, value: warn}]",
        "add the customProperty reason",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSED)
def test_a_rule_that_cannot_be_kept_is_refused(load: Load, old: str, new: str, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        load((old, new))

    assert said in str(raised.value)
    assert str(raised.value).startswith("notebooks/silver/flights.contract.yaml:")


@pytest.mark.parametrize(("name", "instead"), EXPECTATIONS_REFUSED.items())
def test_a_class_that_no_audit_computes_is_refused_with_what_works(
    load: Load, name: str, instead: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load((BETWEEN, f"type: {name}"))

    assert str(raised.value).startswith("notebooks/silver/flights.contract.yaml:")
    assert f"{name} cannot be audited; {instead}" in str(raised.value)
    named = [word.strip(",;") for word in instead.split() if word.startswith("expect_")]
    assert set(named) <= set(EXPECTATIONS)


@pytest.mark.parametrize(
    ("name", "kwargs", "said"),
    [
        ("values_to_be_between", "{mostly: 0.9}", "has neither min_value nor max_value"),
        ("values_to_be_in_set", "{value_set: AA}", "value_set is not a list"),
        ("values_to_match_regex", "{regex: '['}", "'[' is not a regular expression"),
        ("values_to_match_regex_list", "{regex_list: ['a', '(']}", "'(' is not a regular"),
        ("values_to_match_regex_list", "{regex_list: [a], match_on: al}", "mean 'all'?"),
        ("values_to_not_be_outliers", "{method: mad}", "method is 'mad'; use one of iqr, std"),
        ("value_z_scores_to_be_less_than", "{threshold: x, double_sided: true}", "is no number"),
        ("quantile_values_to_be_between", "{quantile_ranges: [0.5]}", "write {quantiles: [0.5]"),
        (
            "quantile_values_to_be_between",
            "{quantile_ranges: {quantiles: [50], value_ranges: [[0, 1]]}}",
            "each quantile from 0 to 1",
        ),
    ],
)
def test_arguments_that_no_audit_can_use_are_refused(
    load: Load, name: str, kwargs: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load((BETWEEN, f"type: expect_column_{name}"), (BOUNDS, f"kwargs: {kwargs}"))

    assert said in str(raised.value)
    assert str(raised.value).startswith("notebooks/silver/flights.contract.yaml:")


INTEGER = ("integer", "int32")
UNFIT = [
    (INTEGER, "values_to_be_between", "{min_value: 0, strict_min: no}", "'no' is neither", "false"),
    (INTEGER, "values_to_be_between", '{min_value: "5"}', "'5' is no number", "without quotes"),
    (
        INTEGER,
        "values_to_be_between",
        "{min_value: 5, max_value: 2}",
        "is greater than",
        "exchange",
    ),
    (INTEGER, "values_to_be_in_set", '{value_set: [1, "2"]}', "'2' is no number", "quotes"),
    (INTEGER, "values_to_be_in_set", "{value_set: [1.5]}", "no whole number", "whole"),
    (INTEGER, "values_to_be_in_set", "{value_set: [3000000000]}", "is no int32", "leave it out"),
    (INTEGER, "values_to_be_in_set", "{value_set: [true]}", "True is no number", "give a number"),
    (
        INTEGER,
        "values_to_match_regex",
        "{regex: a}",
        "is int32, and the class is about",
        "another class",
    ),
    (
        INTEGER,
        "value_lengths_to_equal",
        "{value: 2}",
        "is int32, and the class is about",
        "another class",
    ),
    (INTEGER, "mean_to_be_between", '{min_value: "1"}', "'1' is no number", "quotes"),
    (
        ("date", "date"),
        "values_to_be_between",
        "{min_value: 2024}",
        "2024 is no date",
        "2013-01-31",
    ),
    (("date", "date"), "max_to_be_between", "{max_value: 2024-13-01}", "is no date", "2013-01-31"),
    (("date", "date"), "mean_to_be_between", "{min_value: 1}", "is date, and the class", "another"),
    (("timestamp", "timestamp"), "min_to_be_between", "{min_value: 2024}", "no timestamp", "UTC"),
    (
        ("timestamp", "timestamp"),
        "values_to_be_between",
        "{min_value: 2024-01-01T00:00:00Z}",
        "is no timestamp",
        "without a zone",
    ),
    (("timestamp", "timestamp"), "values_to_match_regex", "{regex: a}", "is timestamp, and", "use"),
    (
        ("string", "string"),
        "mean_to_be_between",
        "{min_value: 1}",
        "is string, and the class",
        "use",
    ),
    (("string", "string"), "values_to_be_in_set", "{value_set: [1]}", "1 is no text", "in quotes"),
    (("string", "string"), "values_to_match_regex", "{regex: 'a(?=b)'}", "looks ahead", "without"),
    (
        ("string", "string"),
        "values_to_match_like_pattern",
        "{like_pattern: 1}",
        "not a text",
        "quotes",
    ),
    (("boolean", "boolean"), "values_to_be_in_set", "{value_set: [yes]}", "neither true", "true"),
    (
        ("number", "decimal(10,2)"),
        "values_to_be_in_set",
        "{value_set: [0.125]}",
        "is no dec",
        "leave",
    ),
    *(
        (INTEGER, name, f"{{{key}: {text}}}", f"{text.strip('[]')} has more digits", "whole number")
        for name, key in (
            ("values_to_be_between", "max_value"),
            ("sum_to_be_between", "min_value"),
            ("unique_value_count_to_be_between", "max_value"),
        )
        for text in ("9007199254740992.5", "9007199254740993.0", "9.007199254740993e15")
    ),
    (INTEGER, "values_to_be_in_set", "{value_set: [9007199254740993.0]}", "more digits", "whole"),
    (
        ("number", "decimal(38,2)"),
        "values_to_be_between",
        "{min_value: 100000000000000000000.5}",
        "100000000000000000000.5 has more digits",
        "quotes",
    ),
    (INTEGER, "values_to_be_between", "{min_value: 010}", "'010' is no number", "write 10: dig"),
    (INTEGER, "values_to_be_in_set", "{value_set: [-007]}", "'-007' is no number", "write -7: "),
    (("number", "decimal(10,2)"), "values_to_be_in_set", "{value_set: [010]}", "'010' is no", "10"),
    (
        INTEGER,
        "values_to_be_between",
        '{min_value: {$PARAMETER: "now()"}}',
        "worked out",
        "its value",
    ),
    (
        INTEGER,
        "value_z_scores_to_be_less_than",
        "{threshold: 3, double_sided: no}",
        "neither",
        "false",
    ),
]


@pytest.mark.parametrize(
    ("kind", "name", "kwargs"),
    [
        (("number", "float64"), "values_to_be_between", "{min_value: 3.141592653589793238}"),
        (("number", "float32"), "values_to_be_in_set", "{value_set: [0.1000000000000000055]}"),
        (("number", "float64"), "sum_to_be_between", "{min_value: 9007199254740993.0}"),
        (("number", "decimal(38,2)"), "max_to_be_between", '{max_value: "9007199254740992.5"}'),
        (INTEGER, "values_to_be_between", "{max_value: 9007199254740993}"),
        (INTEGER, "values_to_be_between", "{max_value: 0.10}"),
        (INTEGER, "values_to_be_between", "{max_value: 1e3}"),
    ],
)
def test_a_number_is_as_exact_as_what_it_is_compared_with(
    load: Load, kind: tuple[str, str], name: str, kwargs: str
) -> None:
    typed = "logicalType: {}\n        physicalType: {}\n        customProperties"
    contract = load(
        (BETWEEN, f"type: expect_column_{name}"),
        (BOUNDS, f"kwargs: {kwargs}"),
        ("[{property: action, value: quarantine}]", "[{property: action, value: warn}]"),
        (typed.format(*INTEGER), typed.format(*kind)),
    )
    assert pickle.loads(pickle.dumps(contract)) == contract


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("mustBeGreaterThan: 9007199254740992.5", "9007199254740992.5 has more digits"),
        ("mustBeBetween: [1, 9007199254740993.0]", "9007199254740993.0 has more digits"),
        ("mustBe: 010", "'010' is no number; write 10: digits"),
        ("mustBe: .nan", "nan is compared with nothing"),
    ],
)
def test_a_threshold_is_a_number_with_all_its_digits(load: Load, limit: str, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        load((LIBRARY, LIBRARY.replace("mustBeGreaterThan: 0", limit)))

    assert said in raised.value.sentence


@pytest.mark.parametrize(("kind", "name", "kwargs", "found", "fix"), UNFIT)
def test_an_argument_that_does_not_fit_its_column_is_refused(
    load: Load, kind: tuple[str, str], name: str, kwargs: str, found: str, fix: str
) -> None:
    typed = "logicalType: {}\n        physicalType: {}\n        customProperties"
    with pytest.raises(ContractError) as raised:
        load(
            (BETWEEN, f"type: expect_column_{name}"),
            (BOUNDS, f"kwargs: {kwargs}"),
            ("[{property: action, value: quarantine}]", "[{property: action, value: warn}]"),
            (typed.format(*INTEGER), typed.format(*kind)),
        )

    assert found in raised.value.found and fix in raised.value.fix
    assert raised.value.where == "notebooks/silver/flights.contract.yaml:63"


@pytest.mark.parametrize(
    ("name", "kwargs", "found"),
    [
        (
            "column_pair_values_a_to_be_greater_than_b",
            "{column_A: fare, column_B: carrier}",
            "'fare' is decimal(10,2) and 'carrier' is string, which are not compared",
        ),
        (
            "column_pair_values_to_be_equal",
            "{column_A: flight_date, column_B: carrier}",
            "'flight_date' is date and 'carrier' is string, which are not compared",
        ),
        (
            "multicolumn_values_to_be_equal",
            "{column_list: [dep_delay_min, carrier]}",
            "'dep_delay_min' is int32 and 'carrier' is string, which are not compared",
        ),
        (
            "multicolumn_sum_to_equal",
            "{column_list: [dep_delay_min, fare], sum_total: 1}",
            "'dep_delay_min' is int32 and 'fare' is decimal(10,2), which are not compared",
        ),
        ("multicolumn_sum_to_equal", '{column_list: [fare, fare], sum_total: "3"}', "twice"),
        (
            "column_pair_values_a_to_be_greater_than_b",
            "{column_A: fare, column_B: dep_delay_min, or_equal: no}",
            "'no' is neither true nor false",
        ),
    ],
)
def test_columns_of_a_record_that_do_not_meet_are_refused(
    load: Load, name: str, kwargs: str, found: str
) -> None:
    custom = (
        "        type: custom\n        engine: greatExpectations\n"
        f"        implementation: {{type: expect_{name}, kwargs: {kwargs}}}\n"
    )
    with pytest.raises(ContractError) as raised:
        load((LIBRARY, custom))

    assert found in raised.value.found
    assert raised.value.where == "notebooks/silver/flights.contract.yaml:34"


def test_what_looks_at_other_rows_has_no_row_scope(load: Load) -> None:
    with pytest.raises(ContractError, match="looks at more than one row"):
        load(
            (BETWEEN, "type: expect_column_values_to_be_unique"),
            (BOUNDS, "kwargs: {}"),
            ("value: quarantine}", "value: quarantine}, {property: scope, value: row}"),
        )


def test_an_unknown_column_in_a_rule_is_found(load: Load) -> None:
    with pytest.raises(ContractError, match=r"unknown column 'far' \(did you mean 'fare'\?\)"):
        load(
            (LIBRARY, "        metric: duplicateValues\n"
                      "        arguments: {properties: [far, carrier]}\n        mustBe: 0\n"),
        )  # fmt: skip


def test_a_reference_is_to_the_same_layer_unless_it_says_more(load: Load) -> None:
    same = load().tables[0].relationships[0]
    other = load(("to: airlines.carrier", "to: bronze.airlines.carrier"))

    assert (same.name, same.to_dataset) == ("carrier_in_airlines", Dataset("silver", "airlines"))
    assert (same.to_column, same.action) == ("carrier", "fail")
    assert other.tables[0].relationships[0].to_dataset == Dataset("bronze", "airlines")


def test_a_reference_to_its_own_table_is_refused(load: Load) -> None:
    """A good row would be set aside if its key came with the same run, and kept if with another."""
    with pytest.raises(ContractError, match=r"silver\.flights refers to itself; write a rule"):
        load(("to: airlines.carrier", "to: flights.carrier"))


def test_a_reference_may_stand_at_the_table(load: Load) -> None:
    contract = load(
        ("        relationships:\n          - to: airlines.carrier\n", ""),
        (
            "    quality:\n",
            "    relationships:\n"
            "      - from: flights.carrier\n"
            "        to: airlines.carrier\n"
            "        customProperties:\n"
            "          - {property: action, value: warn}\n"
            "          - {property: reason, value: Old carriers are gone.}\n"
            "    quality:\n",
        ),
    )
    found = contract.tables[0].relationships[0]

    assert (found.column, found.action, found.reason) == (
        "carrier",
        "warn",
        "Old carriers are gone.",
    )


def _block(flow: str) -> list[str]:
    """`{a: 1, b: {c: 2}}` as block lines."""
    import yaml

    return yaml.safe_dump(yaml.safe_load(flow), default_flow_style=False).rstrip().splitlines()


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("carrierr == 'AA'", "unknown column 'carrierr' (did you mean 'carrier'?)"),
        ("dep_delay_min >", "not understood"),
        ("flight_date > 2013", "'flight_date' (date) is a date and 2013 is a number"),
        ("dep_delay_min == '5'", "is a number and '5' is a text"),
        ("fare * fare * fare * fare > 1", "more than 38 digits"),
    ],
)
def test_a_row_condition_that_does_not_fit_is_refused_at_its_line(
    load: Load, condition: str, found: str
) -> None:
    with pytest.raises(ContractError) as error:
        load((BOUNDS, f'{BOUNDS[:-1]}, row_condition: "{condition}"}}'))

    assert found in error.value.sentence
    assert error.value.where == "notebooks/silver/flights.contract.yaml:63"


def test_a_row_condition_may_compare_dates_and_compute(load: Load) -> None:
    condition = "flight_date >= '2013-01-02' & dep_delay_min + fare > 10.5 and carrier.notnull()"
    contract = load((BOUNDS, f'{BOUNDS[:-1]}, row_condition: "{condition}"}}'))

    assert rule_of(contract, "plausible_delay").kwargs["row_condition"] == condition


def keyed(line: str) -> tuple[tuple[str, str], ...]:
    """The reference at the column away, and one at the table."""
    return (
        ("        relationships:\n          - to: airlines.carrier\n", ""),
        ("    properties:\n      - name: flight", f"{line}    properties:\n      - name: flight"),
    )


def test_a_reference_may_be_by_several_columns(load: Load) -> None:
    line = "from: [flights.carrier, silver.flights.fare], to: [plans.who, plans.price]"
    (found,) = load(*keyed(f"    relationships: [{{{line}}}]\n")).tables[0].relationships

    assert (found.columns, found.to_columns) == (("carrier", "fare"), ("who", "price"))
    assert (found.name, str(found.to_dataset)) == ("carrier_fare_in_plans", "silver.plans")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "from: [flights.carrier, flights.fare], to: [plans.who, others.price]",
            "refers to several tables",
        ),
        (
            "from: [flights.carrier, flights.fares], to: [plans.who, plans.price]",
            "did you mean 'fare'?",
        ),
        ("from: [flights.carrier, flights.carrier], to: [plans.who, plans.price]", "stands twice"),
        ("from: [flights.carrier, flights.fare], to: [plans.who]", "2 columns refer to 1"),
        ("from: [carrier, flights.fare], to: [plans.who, plans.price]", "write table.column"),
        (
            "from: [flights.carrier, flights.fare], to: [flights.carrier, silver.flights.fare]",
            "silver.flights refers to itself",
        ),
    ],
)
def test_a_key_of_several_columns_that_does_not_fit_is_refused(
    load: Load, line: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load(*keyed(f"    relationships: [{{{line}}}]\n"))

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("ExpectColumnKLDivergenceToBeLessThan", "expect_column_quantile_values_to_be_between"),
        ("ExpectMulticolumnValuesToBeUnique", "unique_within_record"),
    ],
)
def test_a_refused_class_in_camel_case_says_what_to_use(
    load: Load, name: str, instead: str
) -> None:
    with pytest.raises(ContractError, match=instead):
        load((BETWEEN, f"type: {name}"))
