"""What a step is made of, by what its code declares: the same for the plan and for the run.

A run must not go by what it has read so far: a read after the write, or between two writes, would
make fingerprints that no plan can foresee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contract.model import Contract
from ..names import Dataset
from .fingerprint import InputTokens

if TYPE_CHECKING:
    from .view import DatasetView


@dataclass(frozen=True)
class DeclaredRead:
    """One read as the graph saw it; days widen the interval."""

    dataset: Dataset
    before_days: int = 0
    after_days: int = 0
    whole: bool = False


def declared_inputs(
    reads: Iterable[DeclaredRead],
    sources: Sequence[str],
    contract: Contract,
    *,
    view: Callable[[Dataset], DatasetView],
    source: Callable[[str], InputTokens | None],
) -> tuple[InputTokens, ...]:
    """Tokens of reads, sources, and of the references that decide which rows are published.

    Parameters
    ----------
    reads: without those that are read "forward".
    view, source: how to look at a dataset and at a source; None: a source that has no version.

    The step's own outputs are left out: they are made of the same.
    """
    has_time = any(table.time is not None for table in contract.tables)
    found = [
        tokens_of(
            view(read.dataset),
            before_days=read.before_days,
            after_days=read.after_days,
            whole=read.whole or not has_time,
        )
        for read in reads
        if read.dataset not in contract.datasets
    ]
    found += [tokens for uri in sources if (tokens := source(uri)) is not None]
    for table in contract.tables:
        for relation in table.relationships:
            if relation.action != "warn" and relation.to_dataset not in contract.datasets:
                found.append(tokens_of(view(relation.to_dataset), whole=True))
    return tuple(found)


def tokens_of(
    view: DatasetView, *, before_days: int = 0, after_days: int = 0, whole: bool = False
) -> InputTokens:
    time = view.contract.time
    unit = time.unit if time else None
    return InputTokens(str(view.dataset), unit, view.data, before_days, after_days, whole)
