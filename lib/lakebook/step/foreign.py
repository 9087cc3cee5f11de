"""Frames of pandas and Arrow, taken into Polars before they are written, with nothing lost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import UserError
from ..names import Dataset


def as_taken(frame: Any, table: Dataset) -> Any:
    """The frame, if it is not of pandas or Arrow; of those, the same rows in Polars.

    Missing values become null, NaN of pandas among them, which has one word for both. Raises
    UserError for what Polars has no place for: an index, two columns of one name, mixed values.
    """
    import narwhals as nw

    native = nw.to_native(frame, pass_through=True)
    module = type(native).__module__.partition(".")[0]
    if module == "pandas" and "pandas" in sys.modules:
        return _of_pandas(native, table)
    if module == "pyarrow" and "pyarrow" in sys.modules:
        return _of_arrow(native, table)
    return frame


def _of_pandas(frame: Any, table: Dataset) -> Any:
    import pandas as pd
    import polars as pl

    if not isinstance(frame, pd.DataFrame):
        return frame
    if not isinstance(frame.index, pd.RangeIndex) and _says_something(frame.index):
        labels = [repr(name) for name in frame.index.names if name is not None]
        what = f" {', '.join(labels)}" if labels else ""
        raise UserError(
            f"the pandas frame for {table} has an index{what}, which no column of the table keeps",
            fix="write frame.reset_index(), with drop=True if the index says nothing",
        )
    names = [str(name) for name in frame.columns]
    _check_twice(names, f"the pandas frame for {table}")
    plain = frame.reset_index(drop=True)
    plain.columns = names
    columns = {}
    for name in names:
        try:
            columns[name] = pl.from_pandas(plain[name], nan_to_null=True)
        except Exception as broken:  # Arrow's and Polars' own, which may quote a value
            raise UserError(
                f"column {name!r} of the pandas frame for {table} has values of several types "
                f"({type(broken).__name__})",
                fix=f"give it one: frame[{name!r}] = frame[{name!r}].astype('string'), or another",
            ) from None
    return pl.DataFrame(columns)


def _says_something(index: Any) -> bool:
    """Whether the labels are more than the places of the rows: a filter leaves places behind."""
    return index.nlevels > 1 or index.name is not None or index.inferred_type != "integer"


def _of_arrow(table: Any, dataset: Dataset) -> Any:
    import polars as pl
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        table = table.read_all()
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    if not isinstance(table, pa.Table):
        return table
    _check_twice(table.column_names, f"the Arrow table for {dataset}")
    return pl.from_arrow(table)


def _check_twice(names: Sequence[str], what: str) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UserError(
            f"{what} has the column {', '.join(map(repr, twice))} twice",
            fix="rename or drop one of them",
        )
