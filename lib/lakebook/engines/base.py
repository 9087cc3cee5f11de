"""The protocol of an engine: it scans a snapshot's files and stages new ones; it never commits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ContractError, did_you_mean

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    from ..contract.model import TableContract
    from ..intervals import Interval
    from .duckdb_sql import SqlQuery


class StageFiles(Protocol):
    """Where an engine puts the files of a write (`lakebook.delta.Stage`)."""

    @property
    def table(self) -> Path: ...

    def file_path(self, partition: str, n: int) -> Path:
        """Absolute path for the n-th file of a partition; its folder is there."""
        ...


class Engine(Protocol):
    """What computes. `name` is what settings and `Step(engine=…)` say."""

    name: str

    def scan(self, files: Sequence[str], schema: pa.Schema) -> nw.LazyFrame[Any]:
        """Rows of Parquet files with exactly this schema; a column that a file lacks is null, one
        that the schema lacks is left out."""
        ...

    def literal(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Rows that are in memory."""
        ...

    def sql(
        self, query: SqlQuery, *, spill: Path, memory_mb: int | None = None
    ) -> nw.LazyFrame[Any]:
        """Rows of a SELECT over datasets and frames of this engine, computed when they are asked
        for. What does not fit into memory goes to files below `spill`.

        Raises UserError for a query that does not bind.
        """
        ...

    def stage(
        self,
        frame: Any,
        stage: StageFiles,
        contract: TableContract,
        *,
        interval: Interval | None,
        within: str = "",
    ) -> None:
        """Compute a frame once, streaming, into files of the contract's exact types.

        Parameters
        ----------
        interval: rows outside it fail with UserError; None: any time will do.
        within: value of a second partition column, if the table has one.

        Raises ContractError for a column that is missing, extra or of a type that cannot be
        cast without loss.
        """
        ...


def check_names(found: Sequence[str], contract: TableContract) -> None:
    """Raise ContractError unless the names are the contract's, in any order."""
    wanted = contract.names
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    if missing:
        guess = did_you_mean(missing[0], extra)
        raise ContractError(
            f"column {missing[0]!r} of the contract is not in the result{guess}",
            where=str(contract.dataset),
            fix=f"the result has {', '.join(found)}" if not guess else "rename it",
        )
    if extra:
        raise ContractError(
            f"column {extra[0]!r} is not in the contract{did_you_mean(extra[0], wanted)}",
            where=str(contract.dataset),
            fix="add it to the contract, or drop it before the write",
        )
