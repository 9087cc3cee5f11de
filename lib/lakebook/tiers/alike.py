"""Are staged rows those that a partition has, but for the columns that say when they were read?

A source that grows is read whole, and each of its rows gets the digest of the whole. A partition
whose own rows came as they were keeps them, with the version of the source that first had them so:
nothing that is made of it becomes stale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pyarrow import ArrowInvalid

from ..delta import open_snapshot
from ..delta.commit import Alike
from ..delta.digest import Digest, digest_groups
from ..delta.inspection import StagedFile
from ..delta.snapshot import Snapshot
from ..errors import StorageError
from ..names import TierTables


def alike_in(tables: TierTables, table: Path, but: Collection[str]) -> Alike:
    """Tells of a snapshot of `table`, a partition and the files staged there for it.

    Parameters
    ----------
    tables: where the partition's files are, in whatever tier.
    but: the columns that are not compared.
    """

    known: dict[tuple[str, int], bool] = {}

    def is_alike(now: Snapshot, partition: str, staged: Sequence[StagedFile]) -> bool:
        key = (partition, now.fence(partition))
        if key not in known:
            known[key] = _is_alike(now, partition, staged)
        return known[key]

    def _is_alike(now: Snapshot, partition: str, staged: Sequence[StagedFile]) -> bool:
        new = [table / file.path for file in staged]
        try:
            rows, paths = _committed(tables, now, partition)
            is_as_long = rows > 0 and rows == sum(file.rows for file in staged)
            return is_as_long and _digest(paths, but) == _digest(new, but)
        except (StorageError, OSError, ArrowInvalid):
            return False  # it is damaged, or went to another tier meanwhile

    return is_alike


def _committed(tables: TierTables, now: Snapshot, partition: str) -> tuple[int, list[Path]]:
    """Rows and files of a partition."""
    tier = now.place(partition).tier
    if tier == "cold":
        from .cold.named import named_files, named_manifest  # imported by writes that meet one

        manifest = named_manifest(tables.cold, now, partition)
        rows = 0 if manifest is None else sum(file.rows for file in manifest.files)
        return rows, named_files(tables.cold, now, partition)
    holder = open_snapshot(tables.warm) if tier == "warm" else now
    files = holder.files_in([partition])
    return sum(file.rows for file in files), [holder.table / file.path for file in files]


def _digest(paths: Iterable[Path], but: Collection[str]) -> int:
    return sum((part for path in paths for part in digest_groups(path, but=but)), Digest(0)).value
