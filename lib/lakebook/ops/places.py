"""Where every partition lies, as a frame that a plot is made of. Logs and manifests are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ..contract.model import TableContract
from ..delta.place import Tier
from ..delta.whole import open_whole
from ..intervals import NULL, WHOLE, partition_interval
from ..names import tier_tables
from ..settings import Settings
from ..tiers.sizes import size_of

if TYPE_CHECKING:
    import polars as pl

TIERS: tuple[Tier, ...] = ("hot", "warm", "cold")


def places(settings: Settings, tables: Sequence[TableContract]) -> pl.DataFrame:
    """A row for each partition of prod that was written, in order.

    Columns: dataset, partition, tier, start (first day; null without time), days, files, rows,
    size_bytes. The rows of a damaged archive are null.
    """
    import polars as pl

    found = [row for table in tables for row in _rows(settings, table)]
    return pl.DataFrame(
        found,
        schema={
            "dataset": pl.String,
            "partition": pl.String,
            "tier": pl.String,
            "start": pl.Date,
            "days": pl.Int32,
            "files": pl.Int64,
            "rows": pl.Int64,
            "size_bytes": pl.Int64,
        },
        orient="row",
    )


def _rows(settings: Settings, contract: TableContract) -> Iterator[tuple[Any, ...]]:
    tables = tier_tables(settings.roots, contract.dataset)
    whole = open_whole(tables.hot, tables.warm)
    for name in whole.written:
        tier = whole.place(name).tier
        size = size_of(tables, whole, name)
        figures = (size.files, size.rows, size.size_bytes)
        yield (str(contract.dataset), name, tier, *_span(name), *figures)


def _span(partition: str) -> tuple[date | None, int | None]:
    if partition in (NULL, WHOLE):
        return None, None
    interval = partition_interval(partition)
    return interval.start, interval.days
