"""Rows whose time is null: every run of a dataset replaces all of them, whatever its interval.

So each run must make the same ones. A step that makes null times of dated rows does not: January's
run and February's would replace each other's, and the last would win in silence. It is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import Inspection, Stage, digest_table
from ..errors import DamageError, UserError
from ..ingest.source import LANDING_COLUMNS
from ..intervals import NULL
from ..names import PROD
from .damage import check_whole
from .view import open_view

if TYPE_CHECKING:
    from .lake import LakeContext


def covered_partitions(
    context: LakeContext, contract: TableContract, found: Inspection
) -> tuple[str, ...]:
    """Every partition of the interval, also those that got no row; the null one only if it has
    rows or had some before."""
    names = partitions_of(contract, context.interval)
    there = NULL in found.partitions or NULL in context.noted[contract.dataset].partitions
    if not there and contract.time is not None and context.settings.env != PROD:
        there = open_view(context.settings, contract).rows_in(NULL) > 0
    return (*names, NULL) if there else names


@dataclass(frozen=True)
class NullRows:
    """What a run made for the null partition, published and set aside together."""

    contract: TableContract
    rows: int
    digest: int

    @classmethod
    def of(cls, contract: TableContract, stage: Stage, found: Inspection) -> NullRows:
        files = found.by_partition.get(NULL, ())
        paths = [str(stage.table / file.path) for file in files]
        return cls(contract, *_content(paths, contract))

    def check(self, context: LakeContext, fp: int) -> None:
        """Compare with what is live. Raises UserError if the same making gave other rows.

        Where the making is another one, or not known, the change is noted on the card.
        """
        import pyarrow as pa

        from ..quality.quarantine import shown_paths

        view = open_view(context.settings, self.contract)
        try:
            check_whole(view, [NULL], by_content=True)
            paths = view.paths([NULL])
            aside = shown_paths(context.settings, self.contract, [NULL]) if paths else []
            rows, digest = _content([*paths, *aside], self.contract)
        except (DamageError, pa.ArrowException) as found:  # this run makes them anew
            context.outcome.notes.append(f"rows without a time cannot be compared: {found}")
            return
        if not paths:
            return
        if (rows, digest) == (self.rows, self.digest):
            return
        assert self.contract.time is not None
        column = self.contract.time.column
        if view.holder(NULL).fp(NULL) == fp:
            raise UserError(
                f"{self.rows} rows have no {column!r}, and an earlier run made {rows} other ones "
                "of the same inputs: every run replaces all rows without a time, so one interval "
                "would lose those of another",
                where=str(self.contract.dataset),
                fix=f"give rows that have a time in the input one in {column!r} too, or drop them",
            )
        context.outcome.notes.append(
            f"{rows} rows without {column!r} were replaced by {self.rows}; "
            "they belong to every interval"
        )


def _content(paths: Iterable[str], contract: TableContract) -> tuple[int, int]:
    """Number and digest of rows; a source's name and time are not what a row says."""
    import pyarrow.parquet as pq

    names = [name for name in contract.names if name not in LANDING_COLUMNS]
    rows = digest = 0
    for path in paths:
        with pq.ParquetFile(path) as file:
            have = [name for name in names if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=have, use_threads=False)
                rows += table.num_rows
                digest = (digest + digest_table(table)) % (1 << 64)
    return rows, digest
