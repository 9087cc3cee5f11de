"""What a rule is evaluated with is what Great Expectations makes of its arguments, or is exact."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakebook.contract.arguments import UnfitArgument, bind
from lakebook.contract.expectations import EXPECTATIONS
from lakebook.contract.fits import _FAMILIES
from lakebook.contract.values import family
from lakebook.quality.suite import import_gx

KINDS = ("int64", "float32", "float64", "decimal(10,2)", "string", "boolean", "date", "timestamp")
GIVEN: list[Any] = [
    None, True, False, "no", "yes", "true", "5", "2.5", "any", "all", "iqr", "linear", "neither",
    "never", "pandas", "a", "ab", "2013-01-01", "2013-01-01T06:00:00", 0, 1, 5, 0.5, 0.1, 2.0, -1,
    2**53 + 1, float("nan"), float("inf"), [], ["a"], ["a", "a"], [1], [0.5], [True], [[1, 2]],
    ["2013-01-01"], {}, {"$PARAMETER": "now()"}, {"quantiles": [0.5], "value_ranges": [[0, 1]]},
    {"quantiles": [0.5], "value_ranges": [[None, 2**53 + 1]]}, date(2013, 1, 1),
]  # fmt: skip
USUAL: dict[str, Any] = {
    "column": "a", "column_A": "a", "column_B": "b", "column_list": ["a", "b"],
    "column_set": ["a"], "value": 1, "regex": "a", "regex_list": ["a"], "like_pattern": "a",
    "like_pattern_list": ["a"], "threshold": 1, "double_sided": True, "sum_total": 1,
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]},
}  # fmt: skip
VALUES = {
    "string": "a", "boolean": True, "date": "2013-01-01", "timestamp": "2013-01-01T06:00:00"
}  # fmt: skip


def cases() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Class, type of its columns, argument and all arguments, one of which is any value."""
    for expectation, known in EXPECTATIONS.items():
        allowed = _FAMILIES.get(expectation)
        for kind in KINDS:
            if allowed and family(kind) not in allowed:
                continue
            usual = {key: USUAL[key] for key in known.required if key in USUAL}
            value = VALUES.get(kind, 1)
            if "value_set" in known.required:
                usual["value_set"] = [value]
            if "value_pairs_set" in known.required:
                usual["value_pairs_set"] = [[value, value]]
            if "min_value" in known.arguments:
                own = allowed is not None and family("date") in allowed
                usual["min_value"] = value if own else 1
            for key, given in itertools.product(known.arguments, GIVEN):
                if key not in ("row_condition", "column", "column_A", "column_B"):
                    yield expectation, kind, key, {**usual, key: given}


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str, str, str], tuple[Any, Any]]:
    """For each case, what is bound and what Great Expectations makes; None: it is refused."""
    import_gx()
    from great_expectations.expectations.registry import get_expectation_impl

    found = {}
    for expectation, kind, key, kwargs in cases():
        try:
            bound = (bind(expectation, kwargs, {"a": kind, "b": kind})[key],)
        except UnfitArgument:
            bound = None
        try:
            coerced = (getattr(get_expectation_impl(expectation)(**kwargs), key),)
        except (ValueError, TypeError):
            coerced = None
        found[expectation, kind, key, repr(kwargs[key])] = bound, coerced
    return found


def test_what_great_expectations_refuses_is_refused(made: Any) -> None:
    assert [case for case, (ours, theirs) in made.items() if ours and not theirs] == []


def test_what_is_bound_is_what_great_expectations_makes_of_it(made: Any) -> None:
    both = {case: pair for case, pair in made.items() if None not in pair}
    assert len(both) > 1000
    assert {case: pair for case, pair in both.items() if not alike(*pair[0], *pair[1])} == {}


def alike(bound: Any, coerced: Any) -> bool:
    if hasattr(coerced, "value_ranges"):
        coerced = {"quantiles": coerced.quantiles, "value_ranges": coerced.value_ranges}
    if isinstance(bound, dict) and isinstance(coerced, dict):
        return bound.keys() == coerced.keys() and all(alike(bound[k], coerced[k]) for k in bound)
    if isinstance(bound, list | tuple) and isinstance(coerced, list | tuple):
        return len(bound) == len(coerced) and all(map(alike, bound, coerced))
    if type(bound) is datetime and type(coerced) is not datetime:
        coerced = coerced if type(coerced) is date else datetime.fromisoformat(str(coerced))
        return bound == datetime(coerced.year, coerced.month, coerced.day, *_clock(coerced))
    if isinstance(bound, date) and isinstance(coerced, str):  # in a set, which is left as it is
        return bound == date.fromisoformat(coerced)
    if isinstance(bound, bool) or isinstance(coerced, bool):
        return bound is coerced
    if bound == coerced:
        return True
    if isinstance(bound, Decimal | int):  # exact, where a float is not
        return float(bound) == coerced
    return isinstance(bound, float) and bound == struct.unpack("f", struct.pack("f", coerced))[0]


def _clock(time: Any) -> tuple[int, ...]:
    return (time.hour, time.minute, time.second) if isinstance(time, datetime) else ()


EXACT: list[tuple[str, Any, Any]] = [
    ("int64", 2**53 + 1, 2**53 + 1),
    ("int64", 0.5, 0.5),
    ("decimal(10,2)", 0.1, Decimal("0.1")),
    ("decimal(10,2)", "0.12345678901234567890", Decimal("0.12345678901234567890")),
    ("float32", 0.1, 0.10000000149011612),
    ("date", "2013-01-31", date(2013, 1, 31)),
    ("timestamp", "2013-01-31", datetime(2013, 1, 31)),
    ("timestamp", "2013-01-31T18:30:00.5", datetime(2013, 1, 31, 18, 30, 0, 500_000)),
]


@pytest.mark.parametrize(("kind", "given", "bound"), EXACT)
def test_a_bound_is_a_value_of_its_columns_type(kind: str, given: Any, bound: Any) -> None:
    kwargs = {"column": "a", "min_value": given}
    found = bind("expect_column_values_to_be_between", kwargs, {"a": kind})["min_value"]
    assert (found, type(found)) == (bound, type(bound))
