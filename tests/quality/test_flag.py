"""Flagged rows are exactly those that the audit counted: audited = published + quarantined."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from lakebook.contract.model import Relationship, Rule
from lakebook.errors import ContractError
from lakebook.names import Dataset
from lakebook.quality import FAILED_RULES, audit, flag

CARRIER = Relationship("carrier", Dataset("silver", "airlines"), "carrier", "quarantine")
KEYS = {CARRIER.name: ["AA", "UA", "DL"]}


def quarantine(name: str, expectation: str, **kwargs: Any) -> Rule:
    return Rule(name, expectation, kwargs, "quarantine", "row")


RULES = (
    quarantine("delay", "expect_column_values_to_be_between", column="dep_delay", max_value=500),
    quarantine("delay_there", "expect_column_values_to_not_be_null", column="dep_delay"),
    quarantine("id", "expect_column_values_to_be_unique", column="id"),
    quarantine(
        "near_id",
        "expect_column_values_to_be_unique",
        column="id",
        row_condition='carrier != "UA" and not distance > 600',
    ),
    quarantine("plane", "expect_compound_columns_to_be_unique", column_list=["carrier", "tailnum"]),
    quarantine(
        "later",
        "expect_column_pair_values_a_to_be_greater_than_b",
        column_A="arr_delay",
        column_B="dep_delay",
        or_equal=True,
    ),
    quarantine(
        "far", "expect_column_values_to_not_be_outliers", column="distance", multiplier=0.25
    ),
    quarantine(
        "odd",
        "expect_column_value_z_scores_to_be_less_than",
        column="dep_delay",
        threshold=1.4,
        double_sided=True,
        row_condition="distance != 600",
    ),
    quarantine(
        "like", "expect_column_values_to_match_like_pattern", column="tailnum", like_pattern="N_%"
    ),
    quarantine("tail", "expect_column_values_to_match_regex", column="tailnum", regex="^N"),
)


def table_of(frame: nw.LazyFrame) -> pa.Table:
    return frame.collect().to_arrow()


def test_each_rule_flags_the_rows_that_the_audit_counted(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    contract = make_contract(*RULES, relationships=(CARRIER,))
    frame = to_frame(flights)
    checks = audit(frame, contract, references=KEYS).checks
    failing = [check.name for check in checks if not check.success]
    assert set(failing) == {rule.name for rule in RULES} | {CARRIER.name}
    for check in checks:
        flagged = table_of(flag(frame, contract, [check.name], KEYS))[FAILED_RULES]
        assert len(flagged) - flagged.null_count == check.unexpected, check.name


def test_published_and_quarantined_rows_are_the_audited_ones(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    contract = make_contract(*RULES, relationships=(CARRIER,))
    frame = to_frame(flights)
    result = audit(frame, contract, references=KEYS)
    names = [check.name for check in result.failed("quarantine") if check.name != "later"]
    flagged = flag(frame, contract, names, KEYS)
    published = table_of(flagged.filter(nw.col(FAILED_RULES).is_null()))
    kept = table_of(flagged.filter(~nw.col(FAILED_RULES).is_null()))
    assert published.num_rows + kept.num_rows == result.rows == flights.num_rows
    assert published["id"].to_pylist() == [1]
    assert flagged.collect_schema().names() == [*flights.column_names, FAILED_RULES]


def test_a_row_names_every_rule_that_it_breaks(
    to_frame: Any, flights: pa.Table, make_contract: Any
) -> None:
    flagged = table_of(flag(to_frame(flights), make_contract(*RULES), ["delay", "tail", "id"]))
    by_id = dict(zip(flagged["id"].to_pylist(), flagged[FAILED_RULES].to_pylist(), strict=True))
    assert by_id == {1: None, 2: "id", 4: "tail", 5: "delay", 6: "tail", 7: "id"}


def test_no_failing_rule_flags_nothing(flights: pa.Table, make_contract: Any) -> None:
    frame = nw.from_native(pl.from_arrow(flights).lazy())
    flagged = table_of(flag(frame, make_contract(*RULES), []))
    assert flagged[FAILED_RULES].null_count == flights.num_rows


def test_flagging_by_other_rules_is_refused(flights: pa.Table, make_contract: Any) -> None:
    frame = nw.from_native(pl.from_arrow(flights).lazy())
    warning = Rule("odd", "expect_column_values_to_be_unique", {"column": "id"}, "warn", "row")
    contract = make_contract(*RULES, warning)
    with pytest.raises(ContractError, match="did you mean 'delay'"):
        flag(frame, contract, ["delays"])
    with pytest.raises(ContractError, match="has the action warn"):
        flag(frame, contract, ["odd"])
