"""What the gate does when a rule cannot be judged, and that it counts what it sets aside."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
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


def test_a_reference_to_what_only_a_failed_run_wrote_is_a_broken_rule(lake: SmallLake) -> None:
    write = _refer(lake, "")
    kinds = SmallLake(lake.root, step="silver.kinds")
    Checkout(lake.root).contract(
        *("silver.kinds", ""),
        write="snapshot",
        time=False,
        quality=rule(
            "none", "expect_column_values_to_be_between", "fail", column="id", max_value=0
        ),
    )
    with pytest.raises(GateError):
        kinds.open(None, None).write(pl.LazyFrame({"id": [5]}))
    assert kinds.snapshot.version >= 0
    with pytest.raises(GateError, match=r"silver\.kinds has no table yet; run its step first"):
        write()


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"min_value": "{at}"}, (1, 2)),
        ({"max_value": "{at}"}, (0, 1)),
        ({"min_value": "{at}", "strict_min": True}, (2,)),
        ({"min_value": "{at}", "max_value": "{at}"}, (1,)),
    ],
)
@pytest.mark.parametrize("digits", [10, 28, 29, 36])
def test_bounds_of_wide_decimals_are_exact(
    lake: SmallLake, bounds: dict[str, Any], kept: tuple[int, ...], digits: int
) -> None:
    at = Decimal("1234567890" * 4)
    middle = Decimal(str(at)[:digits] + ".12")
    step = Decimal("0.01")
    with localcontext() as context:
        context.prec = 60
        values = [middle - step, middle, middle + step]
    given = {k: str(middle) if v == "{at}" else v for k, v in bounds.items()}
    between = rule(
        "between", "expect_column_values_to_be_between", "quarantine", column="w", **given
    )
    wide = "      - {name: w, logicalType: number, physicalType: 'decimal(38,2)'}\n"
    lake.contract("replace", columns=wide, quality=between)
    frame = rows((0, D1, 0), (1, D1, 1), (2, D1, 2)).with_columns(
        w=pl.Series(values, dtype=pl.Decimal(38, 2))
    )
    lake.open(D1, D2).write(frame)
    assert tuple(row[0] for row in lake.rows()) == kept
    assert [row[0] for row in lake.quarantined()] == [n for n in range(3) if n not in kept]
