"""The profile of what a write publishes: rows, and per column nulls, distinct values and range;
and some of its rows.

Nulls and ranges are those of the staged files' statistics, so they cost nothing. Distinct values
are counted by a query of their own, which is left out for large results (DISTINCT_CELLS).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..cards.views import shown_value
from ..contract.classified import hidden_columns
from ..contract.model import TableContract

if TYPE_CHECKING:
    import narwhals as nw

    from ..delta import Inspection

DISTINCT_CELLS = 10_000_000
"""Rows times columns up to which distinct values are counted: about 35 ns a cell on two cores. An
estimate (HyperLogLog) would take 30, and is wrong for small tables."""

SAMPLE_ROWS = 5
_NUMBERS = ("int", "float", "decimal")
_CUT = 32  # characters: a longer text is not whole in the statistics (`delta.stats`)


def profile(
    found: Inspection, contract: TableContract, frame: nw.LazyFrame[Any] | None
) -> dict[str, Any]:
    """`{"rows": n, "columns": {name: {"nulls", "distinct", "min", "max"}}}`, ready for JSON.

    A value is None where it is not known; `min` and `max` also for texts of more than 31
    characters, for classified columns, and for those that a source brought and nobody has
    classified yet. Timestamps are rounded outward to milliseconds.

    Parameters
    ----------
    frame: the published rows, for distinct values; None: do not count them.
    """
    statistics = [file.stats for file in found.files if file.rows]
    is_small = found.rows * len(contract.columns) <= DISTINCT_CELLS
    counts = _distinct(frame) if frame is not None and is_small and found.rows else {}
    hidden = hidden_columns(contract)
    columns = {}
    for column in contract.columns:
        nulls = _sum([one["nullCount"].get(column.name) for one in statistics])
        low, high = None, None
        if column.name not in hidden:
            low, high = _range(statistics, column.name)
        distinct = counts.get(column.name)
        if distinct is not None and nulls:
            distinct -= 1  # null was counted as a value
        columns[column.name] = {"nulls": nulls, "distinct": distinct, "min": low, "max": high}
    return {"rows": found.rows, "columns": columns}


def sample(frame: nw.LazyFrame[Any], contract: TableContract) -> dict[str, Any]:
    """`{"columns": [{"name", "type", "num"}], "rows": [[text]]}`: the first rows, for people.

    Values are cut short; those of classified columns are masked, and of columns that a source
    brought and nobody has classified yet. Null is None.
    """
    hidden = hidden_columns(contract)
    found = frame.head(SAMPLE_ROWS).collect().to_arrow()
    columns = [
        {"name": c.name, "type": c.type, "num": c.type.startswith(_NUMBERS)}
        for c in contract.columns
    ]
    rows = [
        [shown_value(row.get(c.name), masked=c.name in hidden) for c in contract.columns]
        for row in found.to_pylist()
    ]
    return {"columns": columns, "rows": rows}


def _distinct(frame: nw.LazyFrame[Any]) -> dict[str, int]:
    """Distinct values of each column, null among them."""
    import narwhals as nw

    from ..quality.measures import collect

    row = collect(frame.select(nw.all().n_unique())).rows(named=True)[0]
    return {name: int(value) for name, value in row.items()}


def _range(statistics: Sequence[dict[str, Any]], name: str) -> tuple[Any, Any]:
    """Bounds over all files; None unless every file with values has them whole."""
    filled = [one for one in statistics if one["nullCount"].get(name) != one["numRecords"]]
    if not filled or not all(name in one["minValues"] for one in filled):
        return None, None
    low = min(one["minValues"][name] for one in filled)
    high = max(one["maxValues"][name] for one in filled)
    if any(isinstance(bound, str) and len(bound) >= _CUT for bound in (low, high)):
        return None, None
    if isinstance(low, float):
        return low + 0.0, high + 0.0  # Parquet writes a lower bound of zero as -0.0
    return low, high


def _sum(counts: list[int | None]) -> int | None:
    return None if any(count is None for count in counts) else sum(filter(None, counts))
