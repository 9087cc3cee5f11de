"""Where a rule is not what Great Expectations says on pandas: the documented differences.

Each is named as in the table of docs/reference/contracts.md, with what tells that a case is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from lakebook.contract.model import Rule

_NEAR = 2**53  # beyond it a float has no room for every integer
_FIGURES = ("quantile", "median", "mean", "stdev", "outliers", "z_scores")
_LAST_DIGITS = 1e-12


def _sums(rule: Rule, kinds: Sequence[str], _: pa.Table) -> bool:
    return "sum" in rule.expectation and bool({"int32", "int64"} & set(kinds))


def _far(rule: Rule, kinds: Sequence[str], table: pa.Table) -> bool:
    """Figures that are floats, of integers that are none; or a float compared with such a one."""
    of_floats = (*_FIGURES, "pair", "multi", "within_record")
    return any(word in rule.expectation for word in of_floats) and any(
        abs(value) > _NEAR
        for name, kind in zip(columns_of(rule), kinds, strict=True)
        if kind == "int64"
        for value in table[name].drop_null().to_pylist()
    )


def _short(_: Rule, kinds: Sequence[str], __: pa.Table) -> bool:
    return "float32" in kinds


def _record(rule: Rule, kinds: Sequence[str], table: pa.Table) -> bool:
    lost = [table[name].null_count or _nan(table[name]) for name in columns_of(rule)]
    return "within_record" in rule.expectation and sum(map(bool, lost)) > 1 and len(set(kinds)) > 1


def _nan(column: Any) -> bool:
    return any(value != value for value in column.to_pylist())


def _beside(rule: Rule, kinds: Sequence[str], table: pa.Table) -> bool:
    """A decimal of a column is given as an argument: Great Expectations makes a float of that, and
    the decimal lies beside it."""
    given = {
        Decimal(repr(one)) for one in _numbers(rule.kwargs) if Decimal(one) != Decimal(repr(one))
    }
    return any(
        not given.isdisjoint(table[name].to_pylist())
        for name, kind in zip(columns_of(rule), kinds, strict=True)
        if kind.startswith("decimal")
    )


def _numbers(given: Any) -> Iterator[float]:
    if isinstance(given, float):
        yield given
    elif isinstance(given, Mapping | list | tuple):
        for one in given.values() if isinstance(given, Mapping) else given:
            yield from _numbers(one)


def _wrapped(rule: Rule, kinds: Sequence[str], table: pa.Table) -> bool:
    """Quartiles between integers that lie farther apart than their type has room for."""
    if not any(word in rule.expectation for word in ("quantile", "outliers")):
        return False
    for name, kind in zip(columns_of(rule), kinds, strict=True):
        values = table[name].drop_null().to_pylist() if kind in ("int32", "int64") else []
        if values and max(values) - min(values) >= 2 ** (31 if kind == "int32" else 63):
            return True
    return False


DIFFERENCES: dict[str, Callable[[Rule, Sequence[str], pa.Table], bool]] = {
    "sums of integers": _sums,
    "integers beyond 2^53": _far,
    "quantiles of integers far apart": _wrapped,
    "float32": _short,
    "figures that lie on a bound": lambda *_: False,  # told by moving the bounds: `beside`
    "two missing values of a record": _record,
    "decimals": _beside,
    "`$` in a pattern": lambda *_: False,  # and spells it as Python does
    "`(?i)` in a pattern": lambda *_: False,  # and texts that are drawn have no such letter
    "what pandas cannot evaluate": lambda *_: False,  # where it raises, there is nothing to compare
}


def beside(rule: Rule) -> list[Rule]:
    """A rule of figures with its bounds a little lower and a little higher; none of other rules."""
    if not any(word in rule.expectation for word in (*_FIGURES, "sum_to_be_between")):
        return []
    moved = (-_LAST_DIGITS, _LAST_DIGITS)
    return [replace(rule, kwargs=_moved(rule.kwargs, by)) for by in moved]


def _moved(given: Any, by: float) -> Any:
    if isinstance(given, Mapping):
        kept = ("quantiles", "mostly")
        return {key: one if key in kept else _moved(one, by) for key, one in given.items()}
    if isinstance(given, list):
        return [_moved(one, by) for one in given]
    if isinstance(given, bool) or not isinstance(given, int | float):
        return given
    return given + by * max(1.0, abs(given))


def columns_of(rule: Rule) -> list[str]:
    """The columns that a rule is about, each once."""
    one = [rule.kwargs.get(key) for key in ("column", "column_A", "column_B")]
    return list(dict.fromkeys([name for name in one if name] + rule.kwargs.get("column_list", [])))


def difference(rule: Rule, kinds: Sequence[str], table: pa.Table) -> str | None:
    """The documented difference that a case may be; None: it must be as on pandas."""
    return next((name for name, tells in DIFFERENCES.items() if tells(rule, kinds, table)), None)
