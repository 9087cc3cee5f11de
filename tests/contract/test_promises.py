"""A column's enum and logicalTypeOptions are the rules that one would write for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files

import pytest

from lakebook.contract.fingerprint import fingerprint_of
from lakebook.contract.keys import OPTIONS
from lakebook.contract.model import Contract
from lakebook.errors import ContractError

Load = Callable[..., Contract]

LAST = "      - name: fare\n        logicalType: number\n        physicalType: decimal(10, 2)\n"
TYPES = {
    "string": "string", "int64": "integer", "int32": "integer", "float64": "number",
    "float32": "number", "decimal(10,2)": "number", "date": "date", "timestamp": "timestamp",
    "boolean": "boolean", "binary": "string",
}  # fmt: skip


def column(kind: str, more: str) -> tuple[str, str]:
    """The last column of the contract, with another type and more keys."""
    text = f"      - name: fare\n        logicalType: {TYPES[kind]}\n        physicalType: {kind}\n"
    return LAST, f"{text}        {more}\n"


BETWEEN = "expect_column_values_to_be_between"
LENGTHS = "expect_column_value_lengths_to_be_between"
SAME = [
    ("int32", "minimum: 0", BETWEEN, "{min_value: 0}"),
    ("int64", "maximum: 9007199254740993", BETWEEN, "{max_value: 9007199254740993}"),
    ("decimal(10,2)", "exclusiveMinimum: 0", BETWEEN, "{min_value: 0, strict_min: true}"),
    ("float64", "exclusiveMaximum: 0.5", BETWEEN, "{max_value: 0.5, strict_max: true}"),
    ("date", "minimum: 2013-01-31", BETWEEN, "{min_value: 2013-01-31}"),
    ("timestamp", "maximum: '2013-01-31T18:30:00'", BETWEEN, "{max_value: '2013-01-31T18:30:00'}"),
    ("string", "minLength: 2", LENGTHS, "{min_value: 2}"),
    ("string", "maxLength: 2", LENGTHS, "{max_value: 2}"),
    ("string", "pattern: '^[A-Z]'", "expect_column_values_to_match_regex", "{regex: '^[A-Z]'}"),
]


def written_out(kind: str, expectation: str, kwargs: str) -> tuple[str, str]:
    return column(
        kind,
        "quality: [{name: x, type: custom, engine: greatExpectations, description: x, "
        f"implementation: {{type: {expectation}, kwargs: {kwargs}}}}}]",
    )


@pytest.mark.parametrize(("kind", "option", "expectation", "kwargs"), SAME)
def test_an_option_is_the_rule_that_says_the_same(
    load: Load, kind: str, option: str, expectation: str, kwargs: str
) -> None:
    said = load(column(kind, f"logicalTypeOptions: {{{option}}}")).tables[0].rules[-1]
    rule = load(written_out(kind, expectation, kwargs)).tables[0].rules[-1]

    for part in ("expectation", "kwargs", "action", "scope"):
        assert getattr(said, part) == getattr(rule, part)
    snake = re.sub("([A-Z])", r"_\1", option.partition(":")[0]).lower()
    assert (said.name, said.column) == (f"fare_{snake}", "fare")


@pytest.mark.parametrize(
    ("kind", "values"),
    [("string", '["AA", "UA"]'), ("int32", "[1, 2]"), ("date", '["2013-01-31"]')],
)
def test_an_enum_is_a_rule_of_its_values(load: Load, kind: str, values: str) -> None:
    entries = [{"value": value, "label": "x"} for value in json.loads(values)]
    said = load(column(kind, f"enum: {json.dumps(entries)}")).tables[0].rules[-1]
    in_set = written_out(kind, "expect_column_values_to_be_in_set", f"{{value_set: {values}}}")
    rule = load(in_set).tables[0].rules[-1]

    assert (said.expectation, said.kwargs) == (rule.expectation, rule.kwargs)
    assert (said.name, said.action, said.scope) == ("fare_enum", "fail", "row")


def test_null_in_an_enum_says_that_a_column_may_be_empty(load: Load) -> None:
    rule = load(column("string", "enum: [{value: A}, {value: null}]")).tables[0].rules[-1]
    assert rule.kwargs["value_set"] == ["A"]

    with pytest.raises(ContractError, match=r"has null, and the column is required"):
        load(column("string", "required: true\n        enum: [{value: A}, {value: null}]"))


def test_a_multiple_of_integers_is_a_condition_on_each_row(load: Load) -> None:
    rule = load(column("int32", "logicalTypeOptions: {multipleOf: 5}")).tables[0].rules[-1]

    assert (rule.name, rule.expectation) == ("fare_multiple_of", "expect_rows_to_satisfy")
    assert rule.kwargs == {
        "column_list": ["fare"],
        "expression": '"fare" is null or "fare" % 5 = 0',
    }


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("int32", "{format: i32}"),
        ("int64", "{format: i64, multipleOf: 1}"),
        ("int64", "{multipleOf: 0.5}"),
        ("float32", "{format: f32}"),
        ("date", "{format: yyyy-MM-dd}"),
        ("binary", "{format: binary}"),
        ("timestamp", "{timezone: false, defaultTimezone: Etc/UTC}"),
        ("decimal(10,2)", "{multipleOf: 0.01}"),
        ("decimal(10,2)", "{multipleOf: 0.005}"),
    ],
)
def test_what_the_type_says_already_is_no_rule(load: Load, kind: str, options: str) -> None:
    plain, said = (
        load(column(kind, f"description: x{more}")).tables[0]
        for more in ("", f"\n        logicalTypeOptions: {options}")
    )

    assert said == plain
    assert fingerprint_of(said) == fingerprint_of(plain)


WRONG = [
    ("int32", "enum: [{value: 1}, {value: '2'}]", ":69: enum of 'fare': value_set: '2' is no numb"),
    ("string", "enum: [{value: 1}]", "1 is no text; put it in quotes"),
    ("float64", "enum: [{value: 1, valeu: 2}]", "unknown key 'valeu' in schema.flights.fare.enum"),
    ("binary", "enum: [{value: x}]", "is binary, and the class is about columns of the types"),
    ("string", "enum: [{label: x}]", "has no 'value'"),
    ("string", "enum: [{value: null}]", "the enum of 'fare' has no value"),
    ("int32", "logicalTypeOptions: {minimun: 0}", "unknown key 'minimun' in schema.flights.fare.l"),
    ("int32", "logicalTypeOptions: {maxLength: 3}", "of the logicalType integer there are: multip"),
    ("boolean", "logicalTypeOptions: {minimum: 0}", "of the logicalType boolean there are: none"),
    ("int32", "logicalTypeOptions: {minimum: '0'}", "'0' is no number"),
    ("int32", "logicalTypeOptions: {minimum: 5, maximum: 4}", "min_value 5 is greater than max_va"),
    ("string", "logicalTypeOptions: {minLength: 5, maxLength: 4}", "min_value 5 is greater than m"),
    ("date", "logicalTypeOptions: {minimum: 31.1.2013}", "'31.1.2013' is no date; write it as 201"),
    ("timestamp", "logicalTypeOptions: {minimum: '2013-01-31T18:30:00Z'}", "is no timestamp; writ"),
    ("string", "logicalTypeOptions: {pattern: '(?=x)'}", "looks ahead, which not every engine can"),
    ("binary", "logicalTypeOptions: {minLength: 1}", "is binary, and the class is about columns o"),
    ("int32", "logicalTypeOptions: {multipleOf: 2.5}", "multipleOf of 'fare' is 2.5, and the colu"),
    ("float64", "logicalTypeOptions: {multipleOf: 2}", "multipleOf of 'fare' is 2, and the column"),
    ("decimal(10,2)", "logicalTypeOptions: {multipleOf: 0.25}", "a decimal(p,s), the scale says i"),
    ("string", "logicalTypeOptions: {format: email}", "format 'email' of 'fare' is not checked by"),
    ("string", "logicalTypeOptions: {format: binary}", "write a pattern"),
    ("int32", "logicalTypeOptions: {format: i64}", "write i32, which int32 is, or leave it out"),
    ("decimal(10,2)", "logicalTypeOptions: {format: f64}", "leave it out, or change the physical"),
    ("date", "logicalTypeOptions: {format: dd.MM.yyyy}", "write yyyy-MM-dd, which date is, or"),
    ("timestamp", "logicalTypeOptions: {format: yyyy}", "the format 'yyyy' of 'fare' is not check"),
    ("timestamp", "logicalTypeOptions: {timezone: true}", "a timestamp has no zone and is in UTC"),
    ("timestamp", "logicalTypeOptions: {defaultTimezone: CET}", "turn it to UTC in the notebook"),
    ("int32", "logicalTypeOptions: {minimum: 0}\n        quality: [{name: fare_minimum, metric: "
     "nullValues, mustBe: 0, description: x}]", "the name of a rule and of what minimum: 0 checks"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "more", "said"), WRONG)
def test_what_is_no_rule_is_refused_with_its_line(
    load: Load, kind: str, more: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load(column(kind, more))

    assert said in str(raised.value)
    assert re.match(r"notebooks/silver/flights\.contract\.yaml:6\d: ", str(raised.value))


def test_the_options_are_those_of_the_standard() -> None:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    standard = {}
    for branch in json.loads(text)["$defs"]["SchemaBaseProperty"]["allOf"]:
        test = branch.get("if", {})
        for one in test.get("anyOf", [test]):
            kind = one.get("properties", {}).get("logicalType", {}).get("const")
            options = branch.get("then", {}).get("properties", {}).get("logicalTypeOptions", {})
            if kind in OPTIONS:
                standard[kind] = sorted(options["properties"])

    assert {kind: sorted(known) for kind, known in OPTIONS.items() if known} == standard


def severe(severity: str, action: str = "") -> tuple[str, str]:
    more = f"        severity: {severity}\n"
    if action:
        more += f"        customProperties: [{{property: action, value: {action}}}]\n"
    return "            description: No flight leaves two days late.\n" + (
        "            customProperties: [{property: action, value: quarantine}]\n"
    ), "            description: x\n" + "".join(f"    {line}\n" for line in more.splitlines())


@pytest.mark.parametrize(
    ("severity", "action", "found"),
    [
        ("error", "", "fail"),
        ("warning", "", "warn"),
        ("info", "", "warn"),
        ("error", "fail", "fail"),
        ("error", "quarantine", "quarantine"),
        ("warning", "warn", "warn"),
        ("warning", "quarantine", "quarantine"),
        ("info", "warn", "warn"),
    ],
)
def test_a_severity_is_an_action_where_none_is_written(
    load: Load, severity: str, action: str, found: str
) -> None:
    assert load(severe(severity, action)).tables[0].rules[-1].action == found


@pytest.mark.parametrize(
    ("severity", "action", "said"),
    [
        ("error", "warn", "has the severity error and the action warn; keep one of them: error is"),
        ("warning", "fail", "has the severity warning and the action fail; keep one of them: warn"),
        ("info", "fail", "keep one of them: info is the action warn"),
        ("info", "quarantine", "keep one of them: info is the action warn"),
        ("waning", "", "severity 'waning' is unknown (did you mean 'warning'?); use one of error,"),
        ("critical", "", "severity 'critical' is unknown; use one of error, warning, info"),
        ("Error", "", "severity 'Error' is unknown (did you mean 'error'?)"),
    ],
)
def test_a_severity_that_is_unknown_or_contradicts_is_refused(
    load: Load, severity: str, action: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load(severe(severity, action))

    assert said in str(raised.value)


SPELLED = {
    "BIGINT": "int64", "long": "int64", "INT": "int32", "smallint": "int32", "Double": "float64",
    "DOUBLE  PRECISION": "float64", "real": "float32", "bool": "boolean", "text": "string",
    "varchar": "string", "VARCHAR(20)": "string", "character varying (7)": "string",
    "numeric(10,2)": "decimal(10,2)", "NUMBER(9, 0)": "decimal(9,0)", "numeric(5)": "decimal(5,0)",
    "datetime": "timestamp", "timestamp_ntz": "timestamp", "bytea": "binary",
    "decimal(10,2)": "decimal(10,2)",
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_type_is_taken_as_other_tools_spell_it(load: Load, spelling: str) -> None:
    kind = SPELLED[spelling]
    text = f"      - name: fare\n        logicalType: {TYPES.get(kind, 'number')}\n"
    table = load((LAST, f"{text}        physicalType: {spelling}\n")).tables[0]
    assert table.columns[-1].type == kind
    same = load((LAST, f"{text}        physicalType: {kind}\n")).tables[0]
    length = re.search(r"\((\d+)\)", spelling) if kind == "string" else None
    if length is None:
        assert fingerprint_of(table) == fingerprint_of(same)
        return
    rule = table.rules[-1]
    assert (rule.name, rule.kwargs["max_value"]) == ("fare_physical_type", int(length[1]))
    assert (rule.action, len(table.rules)) == ("fail", len(same.rules) + 1)


@pytest.mark.parametrize(
    ("spelling", "says"),
    [
        ("float", "some tools mean 32 bits by it and others 64; write float32 or float64"),
        ("int8", "some tools mean 8 bits by it and others 64; write int32 or int64"),
        ("timestamptz", "a timestamp has no zone here; write timestamp"),
        ("numeric", "unknown type 'numeric'"),
        ("numeric(40,2)", "unknown type 'numeric(40,2)'"),
        ("varchar(0)", "unknown type"),
        ("int(11)", "unknown type"),
    ],
)
def test_a_type_that_tools_understand_differently_is_refused(
    load: Load, spelling: str, says: str
) -> None:
    text = "      - name: fare\n        logicalType: number\n"
    with pytest.raises(ContractError, match=re.escape(says)):
        load((LAST, f"{text}        physicalType: {spelling}\n"))
