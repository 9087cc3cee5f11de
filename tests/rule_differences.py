"""Where a rule is not what Great Expectations says on pandas: the documented differences.

Each is named as in the table of docs/reference/contracts.md, with what tells that a case is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from lakebook.contract.model import Rule

_NEAR = 2**53  # beyond it a float has no room for every integer


def _sums(rule: Rule, kinds: Sequence[str], _: pa.Table) -> bool:
    return "sum" in rule.expectation and bool({"int32", "int64"} & set(kinds))


def _far(rule: Rule, kinds: Sequence[str], table: pa.Table) -> bool:
    """Figures that are floats, of integers that are none; or a float compared with such a one."""
    of_floats = ("quantile", "median", "mean", "stdev", "outliers", "z_scores", "pair", "multi",
                 "within_record")  # fmt: skip
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


DIFFERENCES: dict[str, Callable[[Rule, Sequence[str], pa.Table], bool]] = {
    "sums of integers": _sums,
    "integers beyond 2^53": _far,
    "float32": _short,
    "two missing values of a record": _record,
    "decimals": lambda *_: False,  # the comparison gives pandas what is bound here
    "`$` in a pattern": lambda *_: False,  # and spells it as Python does
    "`(?i)` in a pattern": lambda *_: False,  # and texts that are drawn have no such letter
    "what pandas cannot evaluate": lambda *_: False,  # where it raises, there is nothing to compare
}


def columns_of(rule: Rule) -> list[str]:
    """The columns that a rule is about, each once."""
    one = [rule.kwargs.get(key) for key in ("column", "column_A", "column_B")]
    return list(dict.fromkeys([name for name in one if name] + rule.kwargs.get("column_list", [])))


def difference(rule: Rule, kinds: Sequence[str], table: pa.Table) -> str | None:
    """The documented difference that a case may be; None: it must be as on pandas."""
    return next((name for name, tells in DIFFERENCES.items() if tells(rule, kinds, table)), None)
