"""What mends a damaged file: the command that makes its rows anew or brings a good copy back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ..contract.model import TableContract
from ..delta.damage import MISSING
from ..delta.snapshot import Snapshot
from ..delta.whole import open_whole
from ..errors import DamageError, StorageError
from ..intervals import NULL, WHOLE, partition_interval
from ..names import LAYERS, PROD, Dataset, TierTables, step_of


@dataclass(frozen=True)
class Remedy:
    """`advice`: what to do, as an imperative clause; `command`: the one in it, empty if none is."""

    advice: str
    command: str = ""


def remedy_of(
    contract: TableContract,
    partition: str,
    hot: Snapshot,
    *,
    env: str = PROD,
    restores: bool = False,
    damaged: Iterable[str] = (),
) -> Remedy:
    """What mends a partition of a dataset or, under the dataset's name, of its quarantine.

    Parameters
    ----------
    contract: of the dataset, also for a partition of its quarantine.
    hot: the dataset's own table.
    restores: a copy of the partition is damaged, and its archive in cold is whole.
    damaged: all partitions of the dataset that are known to be damaged.
    """
    name = _of_dataset(contract, partition)
    if restores:
        start, end = _days([name])
        command = f"lakebook tier restore {contract.dataset} --start {start} --end {end}"
        return Remedy(f"bring it back from its archive: {command}", command)
    if contract.write == "append":
        return Remedy(
            "rows that were appended cannot be made again: put the file back from a backup, under "
            "this very name"
        )
    command = _run_command(contract, name, hot, [_of_dataset(contract, p) for p in damaged])
    if env != PROD:
        command += f" --env {env}"
    advice = f"make it anew: {command}"
    if contract.write == "merge":
        advice += " (what only earlier batches held is lost, and the run says how much)"
    return Remedy(advice, command)


@contextmanager
def with_remedy(tables: TierTables, contract: TableContract) -> Iterator[None]:
    """Say of a damaged file of a dataset what it belongs to and what mends it.

    A file that is no longer the table's was replaced meanwhile: StorageError says to run again.
    """
    try:
        yield
    except DamageError as found:
        if found.dataset or not found.partition:
            raise
        whole = open_whole(tables.hot, tables.warm, lost_ok=True)
        if is_gone(found, whole):
            raise StorageError(
                f"{contract.dataset} {found.partition} was written meanwhile",
                where=found.where,
                fix="run it again",
            ) from None
        raise described(contract, found, whole) from None


def is_gone(found: DamageError, now: Snapshot) -> bool:
    """Whether a missing file is one that the newest version does not show any more."""
    return found.found == MISSING and not any(
        str(now.table / file.path) == found.where for file in now.files_in([found.partition])
    )


def described(contract: TableContract, found: DamageError, hot: Snapshot) -> DamageError:
    """A damage with the dataset, the partition and what mends it."""
    p = found.partition
    is_archive = Path(found.where).parent.parent.name == p  # <cold>/<partition>/<archive>/<file>
    tier = "cold" if is_archive else hot.place(p).tier
    restores = tier != "cold" and hot.archive(p) is not None
    return DamageError(
        f"{contract.dataset} {p} in {tier}: {found.found}",
        where=found.where,
        fix=remedy_of(contract, p, hot, restores=restores).advice,
        partition=p,
        dataset=str(contract.dataset),
    )


def step_name(contract: TableContract) -> Dataset:
    """The step that makes a dataset: the one whose notebook stands beside the contract."""
    beside = contract.path.parent.name in LAYERS
    return step_of(contract.path) if beside else contract.dataset


def _of_dataset(contract: TableContract, partition: str) -> str:
    """The dataset's partition that one of its quarantine belongs to; others as they are."""
    return partition.partition("/")[0] if contract.time else WHOLE


def _run_command(contract: TableContract, partition: str, hot: Snapshot, damaged: list[str]) -> str:
    step = f"lakebook run {step_name(contract)}"
    if contract.time is None:
        return f"{step} --force"
    timed = [p for p in hot.written if p != NULL and hot.place(p).tier != "deleted"]
    names = [p for p in (partition, *_with(contract, partition, damaged, timed)) if p != NULL]
    if not names:  # every run makes all rows without a time
        in_hot = [p for p in timed if hot.place(p).tier == "hot"]
        names = (in_hot or timed)[-1:]
    if not names:
        return f"{step} --force"
    start, end = _days(names)
    return f"{step} --start {start} --end {end} --force"


def _with(
    contract: TableContract, partition: str, damaged: list[str], timed: list[str]
) -> list[str]:
    """The partitions that have to be made in one run with this one."""
    if contract.write == "merge":  # later batches have taken rows out of it, or put some in
        return timed[-1:]
    if any(rule.scope == "table" for rule in contract.rules):  # which reads all the others
        return damaged
    return []


def _days(partitions: list[str]) -> tuple[date, date]:
    spans = [partition_interval(p) for p in partitions]
    return min(span.start for span in spans), max(span.end for span in spans)
