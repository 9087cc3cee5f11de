"""Polars: scans and stages streaming, on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.classified import MASK, hidden_columns, is_hidden
from ..errors import ContractError, UserError, storage_errors
from ..intervals import NULL, WHOLE, Interval, partition_interval, partition_name
from .base import StageFiles, check_names
from .messages import first_lines, without_values
from .polars_cast import LOSS, MISFIT, exact_casts, stopped_at
from .polars_misfits import misfit

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl
    import pyarrow as pa

    from ..contract.model import TableContract
    from .duckdb_sql import SqlDatabase, SqlQuery

_KEY = "_partition"
_FILE_BYTES = 1 << 30  # in memory; a file is a fifth to a tenth of it
_ROW_GROUP_ROWS = 250_000
_OPEN_ROWS = 3_000_000  # over all partitions of a write: about 200 bytes each
COMPRESSION_LEVEL = 1  # zstd: a tenth smaller than snappy in the same time; level 3 gains nothing


class PolarsEngine:
    """The default engine."""

    name = "polars"

    def __init__(self) -> None:
        self._database: SqlDatabase | None = None  # for SQL, of a step that has some

    def scan(self, files: Sequence[str], schema: pa.Schema) -> nw.LazyFrame[Any]:
        import narwhals as nw
        import polars as pl

        types = pl_schema(schema)
        if not files:
            return nw.from_native(pl.LazyFrame(schema=types))
        frame = pl.scan_parquet(
            list(files),
            schema=types,
            missing_columns="insert",
            extra_columns="ignore",
            hive_partitioning=False,
            glob=False,
        )
        return nw.from_native(frame)

    def literal(self, table: pa.Table) -> nw.LazyFrame[Any]:
        import narwhals as nw
        import polars as pl

        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return nw.from_native(frame.lazy())

    def sql(
        self, query: SqlQuery, *, spill: Path, memory_mb: int | None = None
    ) -> nw.LazyFrame[Any]:
        import narwhals as nw

        from .duckdb_sql import SqlDatabase

        if self._database is None:
            self._database = SqlDatabase(spill, memory_mb)
        return nw.from_native(self._database.frame(query))

    def stage(
        self,
        frame: Any,
        stage: StageFiles,
        contract: TableContract,
        *,
        interval: Interval | None,
        within: str = "",
    ) -> None:
        import polars as pl

        given = _native(frame)
        found = given.collect_schema()
        check_names(found.names(), contract)
        rows = given.select(exact_casts(found, contract))
        route = _Route(stage, contract, interval, within)
        target = pl.PartitionBy(
            stage.table,
            file_path_provider=route.path_of,
            key={_KEY: _partition_start(contract, interval)} if contract.time else None,
            include_key=False if contract.time else None,
            max_rows_per_file=None if contract.time else 10_000_000,
            approximate_bytes_per_file=_FILE_BYTES,
        )
        try:
            with storage_errors("staging files", stage.table):
                rows.sink_parquet(
                    target,
                    compression="zstd",
                    compression_level=COMPRESSION_LEVEL,
                    row_group_size=_row_group_rows(contract, interval),
                    engine="streaming",
                )
        except _OutsideError:
            assert interval is not None
            raise _outside(rows, contract, interval) from None
        except pl.exceptions.InvalidOperationError as failed:
            if lost := stopped_at(failed, LOSS):
                raise misfit(given, contract, lost) from None
            if "conversion from" not in str(failed) or stopped_at(failed, MISFIT):
                raise
            reason = (without_values if hidden_columns(contract) else first_lines)(failed)
            raise ContractError(
                f"a value cannot be cast: {reason}",
                where=str(contract.dataset),
                fix="cast or clean the column in the notebook",
            ) from failed


class _Route:
    """Gives Polars the path of each file, and stops it at a row that has no business here."""

    def __init__(
        self,
        stage: StageFiles,
        contract: TableContract,
        interval: Interval | None,
        within: str,
    ) -> None:
        self.stage, self.contract, self.within = stage, contract, within
        self.interval = interval if contract.time else None

    def path_of(self, args: Any) -> str:
        keys = args.partition_keys
        if self.contract.time is None or keys is None or keys.width == 0:
            partition = WHOLE
        else:
            partition = self._partition(keys.item(0, 0))
        if self.within:
            partition = self.within if partition == WHOLE else f"{partition}/{self.within}"
        return str(self.stage.file_path(partition, args.index_in_partition))

    def _partition(self, first: date | None) -> str:
        time = self.contract.time
        assert time is not None
        if first is None:
            if self.contract.column(time.column).nullable:
                return NULL
            raise ContractError(
                f"{time.column!r} is null in some row, and the contract requires it",
                where=str(self.contract.dataset),
                fix="drop or repair the row, or make the column optional",
            )
        name = partition_name(first, time.unit)
        days = partition_interval(name)
        if self.interval and not (
            self.interval.start <= days.start and days.end <= self.interval.end
        ):
            raise _OutsideError
        return name


class _OutsideError(Exception):
    """Raised through Polars, to leave a sink early."""


def _row_group_rows(contract: TableContract, interval: Interval | None) -> int:
    """Rows of a row group: Polars keeps one open per partition, and their sum must stay bounded."""
    if contract.time is None:
        return _ROW_GROUP_ROWS
    partitions = len(interval.partitions(contract.time.unit)) if interval else 100
    return min(max(_OPEN_ROWS // partitions, 8192), _ROW_GROUP_ROWS)


def pl_schema(schema: pa.Schema) -> pl.Schema:
    """A Polars schema from an Arrow one."""
    import polars as pl

    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.schema


def _native(frame: Any) -> pl.LazyFrame:
    import narwhals as nw
    import polars as pl

    rows = nw.to_native(frame, pass_through=True)
    if isinstance(rows, pl.LazyFrame):
        return rows
    if isinstance(rows, pl.DataFrame):
        return rows.lazy()
    raise UserError(
        f"the result is a {type(rows).__module__}.{type(rows).__name__}, not a Polars frame",
        fix="return a Narwhals or Polars frame",
    )


def _day(contract: TableContract, within: Interval | None) -> pl.Expr:
    """Day of each row's time, in the contract's zone; outside of `within` just another day."""
    import polars as pl

    from ..contract.time import local_time

    time = contract.time
    assert time is not None
    value = pl.col(time.column)
    if contract.column(time.column).type == "date":
        return value
    day: pl.Expr = local_time(value, contract, within, pl).dt.date()
    return day


def _partition_start(contract: TableContract, within: Interval | None) -> pl.Expr:
    """First day of each row's partition, as a date: cheaper to group by than its name."""
    assert contract.time is not None
    day = _day(contract, within)
    return day.dt.month_start() if contract.time.unit == "month" else day


def _outside(rows: pl.LazyFrame, contract: TableContract, interval: Interval) -> UserError:
    """The error of a row outside the interval, with its value: looked for only when it is sure."""
    import polars as pl

    assert contract.time is not None
    day, column = _day(contract, interval), contract.time.column
    hit = rows.filter((day < pl.lit(interval.start)) | (day >= pl.lit(interval.end)))
    value = hit.select(column).head(1).collect(engine="streaming").item()
    shown = MASK if is_hidden(contract.column(column)) else value
    return UserError(
        f"a row has {column} = {shown}, outside the interval {interval}",
        where=str(contract.dataset),
        fix="filter the rows to the interval, or widen what the step is run for; where the "
        "notebook made this time, read the days around as well: step.read(…, before=1, after=1)",
    )
