"""A lazy Polars frame as a table that DuckDB can scan: computed anew for each scan, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_BATCH_ROWS = 100_000


class FrameStream:
    """What DuckDB asks for by Arrow's capsules, for a self-join more than once."""

    def __init__(self, frame: pl.LazyFrame) -> None:
        import polars as pl

        types = frame.collect_schema()
        texts = [name for name, kind in types.items() if kind in (pl.Categorical, pl.Enum)]
        if texts:  # each batch would come with categories of its own
            frame = frame.with_columns(pl.col(texts).cast(pl.String))
            types = frame.collect_schema()
        self._frame = frame
        self.schema: pa.Schema = pl.DataFrame(schema=types).to_arrow().schema

    def without_rows(self) -> FrameStream:
        import polars as pl

        return FrameStream(pl.LazyFrame(schema=self._frame.collect_schema()))

    def __arrow_c_schema__(self) -> Any:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        # Lazy: nothing is computed for a scan that DuckDB opens and does not read.
        for frame in self._frame.collect_batches(chunk_size=_BATCH_ROWS, lazy=True):
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
