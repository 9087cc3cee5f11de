"""SQL of a step, computed by DuckDB and streamed into Polars: a lazy frame like that of a scan.

The text is bound at once, on tables without rows, which gives the frame's schema and any error;
rows flow when the frame is computed, batch by batch, and DuckDB spills what does not fit.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ContractError, UserError
from .duckdb_input import Input
from .messages import column_not_found, first_lines, missing_column
from .plan_origin import ORIGIN

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    import pyarrow as pa

    from .arrow_stream import FrameDataset

_BATCH_ROWS = 100_000
_numbers = itertools.count(1)

_TYPES = {
    # What DuckDB makes of a sum or a count of integers, and what no table of the lake can hold.
    "HUGEINT": "BIGINT", "UHUGEINT": "BIGINT", "UBIGINT": "BIGINT", "UINTEGER": "BIGINT",
    "TINYINT": "INTEGER", "SMALLINT": "INTEGER", "UTINYINT": "INTEGER", "USMALLINT": "INTEGER",
    "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP", "UUID": "VARCHAR",
}  # fmt: skip
# A BIGNUM would come as the bytes that DuckDB keeps it in.
_NO_FRAME = ("INTERVAL", "MAP", "UNION", "BIT", "BIGNUM", "TIME WITH TIME ZONE", "VARIANT")


@dataclass(frozen=True)
class SqlQuery:
    """One SELECT with all that it names.

    `frames` are lazy frames by the name that the text gives them; `params` values of `$name`.
    `hidden`: tells which of the outputs must not be shown.
    """

    text: str
    tables: tuple[Input, ...] = ()
    frames: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    where: str = "step.sql(…)"
    hidden: Callable[[Sequence[str]], frozenset[str]] | None = None


@dataclass
class SqlDatabase:
    """One DuckDB in memory for all SQL of a step.

    Parameters
    ----------
    spill: folder for what does not fit into memory; made when it is needed.
    memory_mb: how much it may hold; None: DuckDB's own share of the machine.
    """

    spill: Path
    memory_mb: int | None = None
    _connection: Any = None

    def frame(self, query: SqlQuery) -> pl.LazyFrame:
        """Bind a query; its rows as a lazy frame. Raises UserError if it does not bind."""
        from polars.io.plugins import register_io_source

        frames = _datasets(query.frames) if query.frames else {}
        columns, schema = self._bind(query, frames)

        def rows(
            with_columns: list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:
            names = list(columns) if with_columns is None else with_columns
            # A LIMIT would cut before the filter, which Polars hands over to be done here.
            limit = "" if n_rows is None or predicate is not None else f" limit {n_rows}"
            sql = _typed(query.text, {name: columns[name] for name in names}) + limit
            with self._opened(query.tables, frames) as cursor:
                reader = cursor.execute(sql, dict(query.params)).to_arrow_reader(
                    batch_size or _BATCH_ROWS
                )
                yield from _frames(reader, predicate, n_rows)

        hidden = query.hidden
        if hidden is not None:
            setattr(rows, ORIGIN, lambda: hidden(list(columns)))
        return register_io_source(rows, schema=schema, is_pure=True, explain_name="SQL")

    def _bind(
        self, query: SqlQuery, frames: Mapping[str, FrameDataset]
    ) -> tuple[dict[str, str], pl.Schema]:
        """Columns with the type that each is cast to (empty: as it is), and the frame's schema."""
        import duckdb

        nothing = {name: one.without_rows() for name, one in frames.items()}
        with self._opened([one.without_files() for one in query.tables], nothing) as cursor:
            try:
                cursor.execute(query.text, dict(query.params))
                columns = _columns(cursor.description, query.where)
                cursor.execute(_typed(query.text, columns), dict(query.params))
                frame = _frame(cursor.to_arrow_table())
            except duckdb.Error as wrong:
                raise _unbound(wrong, query, frames) from wrong
        return columns, frame.schema

    @contextlib.contextmanager
    def _opened(
        self, tables: Sequence[Input], frames: Mapping[str, FrameDataset]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a catalog of its own that holds these tables and frames."""
        if self._connection is None:
            self._connection = self._connect()
        cursor = self._connection.cursor()
        catalog = f"sql_{next(_numbers)}"
        cursor.execute(f"attach ':memory:' as {catalog}; use {catalog}")
        try:
            for table in tables:
                cursor.execute(f'create schema if not exists "{table.dataset.layer}"')
                cursor.execute(table.view_sql())
            for name, one in frames.items():
                cursor.register(f"rows of {name}", one)
                # A filter stays above an offset: PyArrow, to which it would be handed, has NaN
                # above nothing.
                view, rows = _quoted(name), _quoted(f"rows of {name}")
                cursor.execute(f"create view {view} as from {rows} offset 0")
            yield cursor
        finally:
            for name in frames:
                cursor.unregister(f"rows of {name}")
            cursor.execute(f"use memory; detach {catalog}")
            cursor.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        config: dict[str, Any] = {
            "temp_directory": str(self.spill),
            # A name that the graph did not see must not be found in a cell's variables.
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if self.memory_mb:
            config["memory_limit"] = f"{self.memory_mb}MiB"
        connection = duckdb.connect(":memory:", config=config)
        connection.execute("set TimeZone = 'UTC'")  # not the machine's, or results would differ
        return connection


def _datasets(frames: Mapping[str, Any]) -> dict[str, FrameDataset]:
    from .arrow_stream import FrameDataset, polars_frame

    found = {name: FrameDataset(polars_frame(frame, name)) for name, frame in frames.items()}
    names = {name.lower(): name for name in frames}
    for name, one in found.items():
        if not len(one.schema):
            raise UserError(f"{name!r} has no column", where="step.sql(…)", fix="select some")
        if (other := names[name.lower()]) != name:
            raise UserError(
                f"{name!r} and {other!r} are one name in SQL", where="step.sql(…)", fix="rename one"
            )
    return found


def _columns(description: Sequence[Sequence[Any]], where: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name, kind, *_ in description:
        text = str(kind)
        if name in columns:
            raise UserError(
                f"the SQL gives two columns {name!r}", where=where, fix="rename one: … as other"
            )
        if text.startswith(_NO_FRAME):
            raise UserError(
                f"the SQL gives {name!r} as {text.lower()}, which no table can hold",
                where=where,
                fix="cast it, or take a part of it",
            )
        is_enum = text.startswith("ENUM") and text.endswith(")")  # no list of them
        columns[name] = "VARCHAR" if is_enum else _TYPES.get(text, "")
    return columns


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _typed(sql: str, columns: Mapping[str, str]) -> str:
    """The SELECT with some of its columns, in types that frames of the lake have."""
    chosen = []
    for name, kind in columns.items():
        quoted = _quoted(name)
        chosen.append(f"{quoted}::{kind} as {quoted}" if kind else quoted)
    # Polars asks for no column where it only counts rows.
    return f"select {', '.join(chosen) or 'null as _none'} from (\n{sql}\n) as _sql"


def _frame(rows: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    import polars as pl
    import polars.selectors as cs

    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(cs.datetime("us", "*").cast(pl.Datetime("us", "UTC")))  # Etc/UTC


def _frames(reader: Any, predicate: pl.Expr | None, n_rows: int | None) -> Iterator[pl.DataFrame]:
    left = n_rows
    for batch in reader:
        frame = _frame(batch)
        if predicate is not None:
            frame = frame.filter(predicate)
        if left is not None:
            frame = frame.head(left)
            left -= frame.height
        yield frame
        if left == 0:
            return


def _unbound(
    wrong: BaseException, query: SqlQuery, frames: Mapping[str, FrameDataset]
) -> ContractError | UserError:
    """DuckDB's word on a query that does not bind, as one sentence."""
    if missing := column_not_found(wrong):
        read = {str(one.dataset): tuple(one.schema.names) for one in query.tables}
        read |= {name: tuple(one.schema.names) for name, one in frames.items()}
        found, fix = missing_column(*missing, read)
        return UserError(found, where=query.where, fix=fix)
    return UserError(f"the SQL does not bind: {first_lines(wrong)}", where=query.where)
