"""What the gate does when a rule cannot be judged, and that it counts what it sets aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from small_checkout import Checkout, rule
from small_lake import SmallLake, rows

from lakebook.errors import GateError
from lakebook.quality import FAILED_RULES

D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
KIND = (
    "      - name: kind\n        logicalType: integer\n        physicalType: int64\n"
    "        relationships:\n          - to: kinds.id\n"
)
ONLY_WARNS = (
    "            customProperties:\n              - {property: action, value: warn}\n"
    "              - {property: reason, value: Kinds come late.}\n"
)
LOW = rule(
    "low",
    "expect_column_values_to_be_between",
    "quarantine",
    column="amount",
    min_value=0,
    mostly=0.6,
)


def _refer(lake: SmallLake, action: str) -> Callable[[], Any]:
    lake.contract("replace", columns=KIND + action)
    Checkout(lake.root).contract("silver.kinds", "", write="snapshot", time=False)
    given = rows((1, D1, 10)).with_columns(kind=5)
    return lambda: lake.open(D1, D2).write(given)


def test_a_reference_to_what_was_never_written_is_a_broken_rule(lake: SmallLake) -> None:
    write = _refer(lake, "")
    with pytest.raises(GateError) as raised:
        write()
    assert raised.value.sentence == (
        "silver.events: rule 'kind_in_kinds' could not be evaluated: silver.kinds has no table yet;"
        " run its step first; nothing was published; mend the rule or what it refers to"
    )
    assert lake.rows() == []
    (check,) = lake.contexts[-1].outcome.checks
    assert (check["success"], check["action"]) == (False, "fail")
    assert check["problem"] == "silver.kinds has no table yet; run its step first"


def test_one_that_only_warns_is_published_with_the_warning(lake: SmallLake) -> None:
    card = _refer(lake, ONLY_WARNS)()
    assert lake.rows() == [(1, D1, 10)]
    assert "not judged   kind_in_kinds: could not be evaluated: silver.kinds has no" in repr(card)
    assert "could not be evaluated" in card._repr_html_()


def test_a_reference_between_types_that_are_not_compared_is_a_broken_rule(lake: SmallLake) -> None:
    write = _refer(lake, "")
    of_text = "      - {name: id, logicalType: string, physicalType: string}\n"
    contract = lake.root / "notebooks" / "silver" / "kinds.contract.yaml"
    own = contract.read_text()
    name = next(line for line in own.splitlines() if "name: id" in line)
    contract.write_text(own.replace(f"{name}\n", of_text))
    kinds = SmallLake(lake.root, step="silver.kinds")
    kinds.open(None, None).write(pl.LazyFrame({"id": ["5"]}))
    with pytest.raises(GateError, match=r"'kind' is int64 and .* is string"):
        write()


@pytest.mark.parametrize("lost", [{5}, {4, 5}])
def test_a_split_that_loses_a_row_of_the_audit_publishes_nothing(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch, lost: set[int]
) -> None:
    import lakebook.quality

    given = [(1, D1, 10), (2, D1, -1), (3, D1, 20), (4, D2, -5), (5, D2, -6), (6, D2, 1)]
    lake.contract("replace", quality=LOW)
    flag = lakebook.quality.flag

    def lying(*args: Any, **kwargs: Any) -> Any:
        kept = nw.when(~nw.col("id").is_in(sorted(lost))).then(nw.col(FAILED_RULES))
        return flag(*args, **kwargs).with_columns(**{FAILED_RULES: kept})

    with monkeypatch.context() as patch:
        patch.setattr(lakebook.quality, "flag", lying)
        with pytest.raises(AssertionError, match=rf"low in {D2}: 2 counted, {2 - len(lost)} set"):
            lake.write(given, D1, D3)
    assert lake.rows() == [] and lake.quarantined() == []
    lake.write(given, D1, D3)
    assert lake.quarantined() == [(4, -5), (5, -6)]
