"""Any frame that a cell may hold, as Polars rows that are computed once and never all in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl


def as_narwhals(frame: Any) -> nw.LazyFrame[Any] | nw.DataFrame[Any]:
    """The frame as Narwhals has it. Raises UserError for what is no frame."""
    import narwhals as nw

    try:
        return nw.from_native(nw.to_native(frame, pass_through=True))
    except TypeError:
        kind = f"{type(frame).__module__}.{type(frame).__qualname__}".removeprefix("builtins.")
        raise UserError(
            f"a {kind} is no frame", fix="pass what step.read gives, or what you made of it"
        ) from None


def columns_of(frame: Any) -> list[str]:
    return as_narwhals(frame).collect_schema().names()


@contextmanager
def lazy_rows(frame: Any, scratch: Path, *, once: bool = False) -> Iterator[pl.LazyFrame]:
    """Rows to scan. A relation of another engine streams through a file that is gone afterwards.

    Parameters
    ----------
    scratch: folder for such files; it may be deleted at any time.
    once: compute a lazy frame only once, into such a file, however often the rows are scanned.
    """
    import narwhals as nw
    import polars as pl

    rows = as_narwhals(frame)
    native = nw.to_native(rows)
    if isinstance(native, pl.LazyFrame) and not once:
        yield native
    elif isinstance(native, pl.DataFrame):
        yield native.lazy()
    elif isinstance(rows, nw.DataFrame):
        made = pl.from_arrow(rows.to_arrow())
        assert isinstance(made, pl.DataFrame)
        yield made.lazy()
    else:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="look-", dir=scratch) as folder:
            path = Path(folder, "rows.parquet")
            if isinstance(native, pl.LazyFrame):
                native.sink_parquet(path, compression="lz4", engine="streaming")
            else:
                rows.sink_parquet(path)
            yield pl.scan_parquet(path, glob=False)
