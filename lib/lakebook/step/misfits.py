"""Rows of a source with a value that does not fit its type, where the contract sets them aside.

They are no rows of the dataset, so no rule judges them: before the audit they are parted from the
others, and go to the quarantine with what the audit keeps out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract.misfits import MISFIT, RULE, set_aside, staged
from ..delta import Inspection, Stage
from ..errors import ContractError

if TYPE_CHECKING:
    import narwhals as nw

    from ..contract.model import TableContract
    from ..delta.inspection import StagedFile
    from .lake import LakeContext


@dataclass(frozen=True)
class Misfits:
    """What was staged of a source before the split, and its rows that are to be set aside."""

    stage: Stage
    landed: Inspection
    frame: nw.LazyFrame[Any]
    counts: Mapping[str, int]
    """Rows by partition."""

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def check_kept(frame: Any, contract: TableContract) -> None:
    """Raise ContractError if a notebook lost the column that tells which rows are set aside: a
    value that did not fit would be null in silence."""
    import narwhals as nw

    rows = nw.from_native(frame, pass_through=True)
    if not isinstance(rows, (nw.LazyFrame, nw.DataFrame)):
        return  # what it is, the engine says
    if MISFIT not in rows.collect_schema().names():
        raise ContractError(
            f"the contract sets misfits aside, and the result has no column {MISFIT!r}, which "
            "tells their rows",
            where=str(contract.dataset),
            fix=f"write what step.ingest(…) gives with {MISFIT!r} in it, or take misfits out of "
            "the contract",
        )


def set_apart(
    context: LakeContext, contract: TableContract, stage: Stage, found: Inspection
) -> tuple[nw.LazyFrame[Any], Misfits]:
    """The rows that fit, still to be staged, and the others. `stage` holds rows as `staged` says.

    The columns are those of the contract, and `_failed_rules` beside `_misfit` in the others.
    """
    import narwhals as nw

    whole = staged(contract)
    counts = {name: sum(map(_misfits, files)) for name, files in found.by_partition.items()}
    counts = {name: rows for name, rows in counts.items() if rows}
    paths = [str(stage.table / file.path) for file in found.files]
    rows = context.engine.scan(paths, whole.arrow_schema())
    fits = rows.filter(nw.col(MISFIT).is_null()).select(*contract.names)
    misfits = rows.filter(~nw.col(MISFIT).is_null()).with_columns(_failed_rules=nw.lit(RULE))
    return fits, Misfits(stage, found, misfits, counts)


def _misfits(file: StagedFile) -> int:
    return file.rows - int(file.stats["nullCount"][MISFIT])


def in_words(context: LakeContext, contract: TableContract, misfits: Misfits) -> str:
    """How many rows were set aside, by column: the note of the run."""
    import narwhals as nw

    names = set_aside(contract)
    # A quote inside a text is escaped, so that a key is told from what a text says.
    keys = {name: nw.col(MISFIT).str.contains(f'"{name}":"', literal=True) for name in names}
    counted = misfits.frame.select(**{name: key.sum() for name, key in keys.items()}).collect()
    found = counted.rows(named=True)[0]
    by_column = ", ".join(f"{name} in {found[name]:,}" for name in names if found[name])
    rows = "1 row has" if misfits.rows == 1 else f"{misfits.rows:,} rows have"
    return (
        f"{rows} a value that does not fit its column's type and "
        f"{'was' if misfits.rows == 1 else 'were'} set aside ({by_column}): "
        f"lakebook quarantine show {contract.dataset}"
    )
