"""What a column's enum and logicalTypeOptions forbid is counted and set aside, value by value."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sampling

from lakebook.contract.odcs import parse_contract
from lakebook.contract.types import arrow_type
from lakebook.quality import FAILED_RULES, audit, flag

HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: silver.flights
version: 1.0.0
status: active
team: {name: t, members: [{username: t@example.org, role: owner}]}
schema:
  - name: flights
    properties:
      - {name: n, logicalType: integer, physicalType: int64}
"""
NAN = float("nan")
UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
COLUMNS: list[tuple[str, str, str, list[Any], Callable[[Any], bool]]] = [
    ("string", "string", "enum: [{value: AA}, {value: 'NO'}, {value: ''}]",
     ["AA", "NO", "", "aa", "AA ", "false"], lambda v: v in ("AA", "NO", "")),
    ("integer", "int64", "enum: [{value: 9007199254740993}, {value: -1}]",
     [9007199254740993, 9007199254740992, -1, 1], lambda v: v in (9007199254740993, -1)),
    ("integer", "int64", "logicalTypeOptions: {minimum: -2, exclusiveMaximum: 3}",
     [-3, -2, 0, 2, 3, 4], lambda v: -2 <= v < 3),
    ("integer", "int32", "logicalTypeOptions: {multipleOf: 5}",
     [0, 5, -5, 7, -7, 2147483645, 2147483647], lambda v: v % 5 == 0),
    ("number", "float64", "logicalTypeOptions: {exclusiveMinimum: 0, maximum: 0.5}",
     [-0.0, 0.0, 1e-300, 0.5, 0.5000001, float("inf")], lambda v: 0 < v <= 0.5),
    ("number", "decimal(10,2)", "logicalTypeOptions: {minimum: 0.1, maximum: 0.3}",
     [Decimal("0.09"), Decimal("0.10"), Decimal("0.30"), Decimal("0.31")],
     lambda v: Decimal("0.1") <= v <= Decimal("0.3")),
    ("date", "date", "logicalTypeOptions: {minimum: 2013-01-02, exclusiveMaximum: 2013-01-04}",
     [date(2013, 1, day) for day in range(1, 6)],
     lambda v: date(2013, 1, 2) <= v < date(2013, 1, 4)),
    ("timestamp", "timestamp", "logicalTypeOptions: {exclusiveMinimum: '2013-01-02T12:00:00'}",
     [datetime(2013, 1, 2, 12), datetime(2013, 1, 2, 12, 0, 0, 1), datetime(2013, 1, 1)],
     lambda v: v > datetime(2013, 1, 2, 12)),
    ("string", "string", "logicalTypeOptions: {minLength: 1, maxLength: 2, pattern: '^[a-zé]*$'}",
     ["", "a", "é", "ab", "abc", "A", "a\n"], lambda v: re.fullmatch("[a-zé]{1,2}", v) is not None),
    ("string", "string", "logicalTypeOptions: {format: uuid}",
     [str(uuid.UUID(int=7)), str(uuid.UUID(int=2**127)).upper(), uuid.UUID(int=3).hex, "", "x-y"],
     lambda v: UUID.fullmatch(v) is not None),
]  # fmt: skip


def test_rows_that_break_what_a_column_promises_are_counted_and_set_aside(to_frame: Any) -> None:
    draw = random.Random(sampling.seed("promises"))
    rows = 120
    text, columns = HEAD, {"n": pa.array(range(rows), pa.int64())}
    for i, (logical, kind, more, values, _) in enumerate(COLUMNS):
        head = f"      - name: c{i}\n        logicalType: {logical}\n        physicalType: {kind}\n"
        text += f"{head}        {more}\n"
        some = [*values, None, *([NAN] if kind == "float64" else [])]
        drawn = [*some, *(draw.choice(some) for _ in range(rows - len(some)))]
        columns[f"c{i}"] = pa.array(drawn, arrow_type(kind), from_pandas=False)
    table = pa.table(columns)
    (contract,) = parse_contract(text, Path("notebooks/silver/flights.contract.yaml")).tables
    quarantined = replace(
        contract, rules=tuple(replace(rule, action="quarantine") for rule in contract.rules)
    )

    result = audit(to_frame(table), quarantined)
    flagged = flag(to_frame(table), quarantined, result.broken())
    aside = flagged.collect().to_arrow().sort_by("n")[FAILED_RULES].to_pylist()

    assert {check.name for check in result.checks} == {rule.name for rule in contract.rules}
    for i, (*_, values, is_good) in enumerate(COLUMNS):
        given = table[f"c{i}"].to_pylist()
        expected = [v is not None and v == v and not is_good(v) for v in given]
        found = [any(name.startswith(f"c{i}_") for name in (one or "").split(",")) for one in aside]
        assert found == expected, COLUMNS[i][2]
        assert any(expected)
        assert any(is_good(value) for value in values)


@pytest.mark.parametrize("value", [None, "AA", "XX"])
def test_a_rule_of_an_enum_stops_the_run(to_frame: Any, value: str | None) -> None:
    column = "{name: c, logicalType: string, physicalType: string, enum: [{value: AA}]}"
    text = f"{HEAD}      - {column}\n"
    (contract,) = parse_contract(text, Path("notebooks/silver/flights.contract.yaml")).tables
    table = pa.table({"n": pa.array([1], pa.int64()), "c": pa.array([value], pa.string())})

    (check,) = audit(to_frame(table), contract).checks

    assert (check.name, check.action, check.success) == ("c_enum", "fail", value != "XX")
