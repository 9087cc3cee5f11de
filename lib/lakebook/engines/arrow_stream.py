"""A lazy Polars frame as a table that DuckDB can scan: computed anew for each scan, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds

from ..errors import UserError

if TYPE_CHECKING:
    import polars as pl

_BATCH_ROWS = 100_000


class FrameDataset(ds.Dataset):  # type: ignore[misc]
    """What DuckDB asks for the columns of a scan, for a self-join more than once.

    A dataset, not an Arrow stream: DuckDB puts a scanner of PyArrow's between itself and a stream,
    and that one reads up to a gigabyte ahead of what is asked for.
    """

    def __init__(self, frame: pl.LazyFrame) -> None:
        import polars as pl

        types = frame.collect_schema()
        texts = [name for name, kind in types.items() if kind in (pl.Categorical, pl.Enum)]
        if texts:  # each batch would come with categories of its own
            frame = frame.with_columns(pl.col(texts).cast(pl.String))
            types = frame.collect_schema()
        self._frame = frame
        self._types = pl.DataFrame(schema=types).to_arrow().schema

    @property
    def schema(self) -> pa.Schema:
        return self._types

    def without_rows(self) -> FrameDataset:
        import polars as pl

        return FrameDataset(pl.LazyFrame(schema=self._frame.collect_schema()))

    def scanner(self, columns: Sequence[str] | None = None, filter: Any = None) -> _Scan:
        # DuckDB asks for no column where it only counts rows. A filter comes only of a join, which
        # compares each row itself: what it leaves out it need not, and NaN it must not.
        names = list(columns or self._types.names[:1])
        types = pa.schema([self._types.field(name) for name in names])
        return _Scan(self._frame.select(names), types)


@dataclass(frozen=True)
class _Scan:
    frame: pl.LazyFrame
    schema: pa.Schema

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        # Lazy: nothing is computed for a scan that DuckDB opens and does not read.
        for frame in self.frame.collect_batches(chunk_size=_BATCH_ROWS, lazy=True):
            yield from frame.to_arrow().cast(self.schema).to_batches()


def polars_frame(frame: Any, name: str) -> pl.LazyFrame:
    """A frame of whatever kind a notebook has, as a lazy Polars frame. Raises UserError."""
    import narwhals as nw
    import polars as pl

    native = nw.to_native(frame, pass_through=True)
    if isinstance(native, pl.LazyFrame):
        return native
    if isinstance(native, pl.DataFrame):
        return native.lazy()
    try:
        return nw.from_native(native, eager_only=True).to_polars().lazy()
    except TypeError:
        kind = f"{type(native).__module__.split('.')[0]}.{type(native).__name__}"
        raise UserError(
            f"{name!r} is a {kind}, not a frame",
            where="step.sql(…)",
            fix='pass what step.read, step.sql or Narwhals give; values go by params={"x": …}',
        ) from None
