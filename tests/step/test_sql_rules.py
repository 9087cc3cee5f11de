"""Rules in SQL and `unique` in writes: what they see of the table, and what they set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_lake import Row, SmallLake

from lakebook.errors import GateError

DAYS = ["2013-01-01", "2013-01-02", "2013-01-03"]


def sql(name: str, query: str, action: str, **operator: Any) -> str:
    body = {
        "name": name,
        "type": "sql",
        "query": query,
        "description": f"because {name}",
        "customProperties": [{"property": "action", "value": action}],
        **operator,
    }
    return f"      - {json.dumps(body)}\n"


def test_rows_that_break_an_expression_are_set_aside_however_the_run_was_cut(
    tmp_path: Path,
) -> None:
    given: list[Row] = [(1, DAYS[0], 10), (2, DAYS[0], -5), (3, DAYS[1], 0), (4, None, -1)]
    for name, parts in (("at_once", [(0, 2)]), ("by_days", [(0, 1), (1, 2)])):
        (tmp_path / name).mkdir()
        lake = SmallLake(tmp_path / name)
        quality = sql("grows", "amount > 0 or id = 3", "quarantine", mustBe=True)
        lake.contract("replace", quality=quality)
        for first, last in parts:
            rows = [r for r in given if r[1] is None or DAYS[first] <= r[1] < DAYS[last]]
            lake.write(rows, DAYS[first], DAYS[last])
        assert lake.rows() == [(1, DAYS[0], 10), (3, DAYS[1], 0)]
        assert lake.quarantined() == [(2, -5), (4, -1)]


def test_a_query_sees_the_rows_of_the_live_table(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=sql("few", "select count(*) from {table}", "fail", mustBe=2))
    with pytest.raises(GateError, match=r"rule 'few' does not hold \(1\)"):
        lake.write([(1, DAYS[0], 10)], DAYS[0], DAYS[1])
    lake.write([(1, DAYS[0], 10), (2, DAYS[0], 20)], DAYS[0], DAYS[1])
    with pytest.raises(GateError, match=r"rule 'few' does not hold \(3\)"):
        lake.write([(3, DAYS[1], 10)], DAYS[1], DAYS[2])


def test_a_unique_value_stands_once_in_the_whole_dataset(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path)
    lake.contract("replace")
    path = tmp_path / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text().replace("{name: amount,", "{name: amount, unique: true,"))

    lake.write([(1, DAYS[0], 10)], DAYS[0], DAYS[1])
    lake.write([(2, DAYS[1], 20)], DAYS[1], DAYS[2])
    with pytest.raises(GateError, match="rule 'amount_unique' does not hold"):
        lake.write([(3, DAYS[1], 10)], DAYS[1], DAYS[2])
    assert lake.rows() == [(1, DAYS[0], 10), (2, DAYS[1], 20)]


def test_too_many_duplicates_are_set_aside_in_their_partition_alone(tmp_path: Path) -> None:
    body = {
        "name": "few_twins",
        "metric": "duplicateValues",
        "arguments": {"properties": ["amount"]},
        "mustBeLessThan": 3,
        "description": "a pair may happen",
        "customProperties": [{"property": "action", "value": "quarantine"}],
    }
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=f"      - {json.dumps(body)}\n")
    first: list[Row] = [(1, DAYS[0], 10), (2, DAYS[0], 10), (3, DAYS[0], 5)]
    second: list[Row] = [(4, DAYS[1], 5), (5, DAYS[1], 5), (6, DAYS[1], 5), (7, DAYS[1], 10)]
    lake.write([*first, *second], DAYS[0], DAYS[2])

    assert lake.rows() == [*first, (7, DAYS[1], 10)]
    assert lake.quarantined() == [(4, 5), (5, 5), (6, 5)]
    (check,) = lake.contexts[-1].outcome.checks
    assert (check["unexpected"], check["partitions"]) == (5, (DAYS[1],))
