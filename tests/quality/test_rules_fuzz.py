"""Any rule on any rows: the same verdict on every engine, in every cut, and as on pandas.

The documented differences from pandas are a table (`rule_differences`). Rows that the audit counts
are those that a split sets aside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sampling
from hypothesis import strategies as st
from pandas_oracle import on_pandas
from rule_cases import PARTITIONS, TYPES, contract_of, suites, tables
from rule_differences import DIFFERENCES, beside, columns_of, difference

from lakebook.contract.model import Rule, TableContract
from lakebook.quality import AuditResult, CheckResult, audit, flag
from lakebook.quality.counted import check_counted
from lakebook.quality.flagging import FAILED_RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contracts.md"
RULES = 20  # of a suite: an audit's price is in its rules
Frames = Callable[[pa.Table], nw.LazyFrame]


@pytest.fixture(scope="module")
def engines() -> dict[str, Frames]:
    connection = duckdb.connect()
    return {
        "polars": lambda table: nw.from_native(pl.from_arrow(table).lazy()),  # type: ignore
        "duckdb": lambda table: nw.from_native(connection.from_arrow(table)),
    }


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(7200)
@hypothesis.seed(sampling.seed("rules"))
@hypothesis.settings(
    max_examples=sampling.examples(14, 600),
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(table=tables(), rules=suites(RULES), name=st.sampled_from(PARTITIONS))
def test_a_rule_means_one_thing(
    engines: dict[str, Frames], table: pa.Table, rules: tuple[Rule, ...], name: str
) -> None:
    contract = contract_of(*rules)
    found = {
        engine: audit(frames(table), contract, partitions=PARTITIONS)
        for engine, frames in engines.items()
    }
    _agree(found["duckdb"], found["polars"])
    for engine, frames in engines.items():
        _check_split(frames(table), contract, found[engine])
    part = _part(table, name)
    alone = audit(engines["polars"](part), contract, partitions=[name])
    _check_cut(found["polars"], alone, name)
    _check_pandas(alone, contract, part)


def _agree(one: AuditResult, other: AuditResult) -> None:
    def shown(check: CheckResult) -> Any:
        return check.name, check.success, check.unexpected, check.evaluated, check.partitions

    judged = {check.name for check in (*one.checks, *other.checks) if check.problem}
    assert judged == set(), [(c.name, c.problem) for c in (*one.checks, *other.checks)]
    assert [shown(check) for check in one.checks] == [shown(check) for check in other.checks]


def _check_split(frame: nw.LazyFrame, contract: TableContract, found: AuditResult) -> None:
    broken = found.broken()
    if broken:
        flagged = flag(frame, contract, broken, partitions=PARTITIONS)
        aside = flagged.filter(~nw.col(FAILED_RULES).is_null())
        check_counted(aside, contract, broken, PARTITIONS)


def _check_cut(together: AuditResult, alone: AuditResult, name: str) -> None:
    """The verdict on a partition is the same in a run of its own."""
    for whole, one in zip(together.checks, alone.checks, strict=True):
        shape = not whole.partitions and not whole.success  # of the schema: no partition's own
        assert (name in whole.partitions or shape) == (not one.success), one
    counts = {rule: of[name] for rule, of in together.counted.items() if name in of}
    assert counts == {rule: of[name] for rule, of in alone.counted.items()}


def _check_pandas(found: AuditResult, contract: TableContract, table: pa.Table) -> None:
    rules = [rule for rule in contract.rules if "like_pattern" not in rule.expectation]
    wanted = on_pandas(table, contract, rules)
    documents = {_rule_of(one): one for one in found.gx.get("results", ())}
    checks = {check.name: check for check in found.checks}
    for rule in rules:
        check, one = checks[rule.name], wanted[rule.name]
        kinds = [TYPES[name] for name in columns_of(rule) if name in TYPES]
        if _raised(one["exception_info"]) or _is_same(check, documents[rule.name], one):
            continue
        if _on_its_bound(check, rule, contract, table):
            continue
        assert difference(rule, kinds, table), (rule, check, one["result"], table.to_pylist())


def _on_its_bound(check: CheckResult, rule: Rule, contract: TableContract, table: pa.Table) -> bool:
    """Bounds moved in their last digits give pandas a verdict on either side of ours."""
    near = [on_pandas(table, contract, [one])[rule.name] for one in beside(rule)]
    if not near or any(_raised(one["exception_info"]) for one in near):
        return False
    counts = [one["result"].get("unexpected_count") for one in near]
    if check.evaluated is not None and not min(counts) <= check.unexpected <= max(counts):
        return False
    return check.success in {one["success"] for one in near}


def _rule_of(document: Any) -> str:
    return str(document["expectation_config"]["meta"]["lakebook"]["rule"])


def _raised(info: dict[str, Any]) -> bool:
    nested = [info] if "raised_exception" in info else list(info.values())
    return any(one["raised_exception"] for one in nested)


def _is_same(check: CheckResult, document: Any, wanted: dict[str, Any]) -> bool:
    unexpected = wanted["result"].get("unexpected_count")
    if check.success != wanted["success"]:
        return False
    if check.evaluated is not None:
        return bool(check.unexpected == unexpected)
    one, other = (of["result"].get("observed_value") for of in (document, wanted))
    if isinstance(one, int | float) and isinstance(other, int | float):
        both = one != one and other != other
        return both or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return True


def _part(table: pa.Table, name: str) -> pa.Table:
    day = table["day"]
    if name == "null":
        return table.filter(pc.is_null(day))
    return table.filter(pc.equal(day, pa.scalar(date.fromisoformat(name))))


def test_the_page_has_the_differences_that_the_comparison_allows() -> None:
    _, found, after = PAGE.read_text(encoding="utf-8").partition("### Where it is not as on pandas")
    assert found
    table = after.split("\n## ")[0].split("\n### ")[0]
    rows = re.findall(r"^\| (.+?) \|", table, re.M)
    assert [row for row in rows if row not in ("what", "---")] == list(DIFFERENCES)
