"""Whether the files of some partitions are there and whole: before a reader opens them, or after
one has failed. No engine's error names file, partition and remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from os.path import join
from pathlib import Path

from ..delta.damage import content_damage, glance_damage
from ..delta.snapshot import Snapshot
from ..errors import DamageError

NO_FILE = "the log knows of rows and names no file that holds them"


def find_damage(
    snapshot: Snapshot, partitions: Iterable[str], *, by_content: bool = False
) -> DamageError | None:
    """The first damage among the files that a snapshot shows, not yet described; None: none seen.

    Parameters
    ----------
    by_content: read every byte. Otherwise a file is read only if it was touched since its commit.
    """
    judge = content_damage if by_content else glance_damage
    table = str(snapshot.table)
    for p in partitions:
        if snapshot.place(p).tier in ("cold", "deleted"):
            continue
        files = snapshot.by_partition.get(p, ())
        if not files and snapshot.data(p):
            return DamageError(NO_FILE, where=str(snapshot.table), partition=p)
        for file in files:
            path = join(table, file.path)  # noqa: PTH118 - of texts, as there may be many
            if what := judge(path, file):
                return DamageError(what, where=path, partition=p)
    return None


def archive_damage(folder: Path, partition: str, archive: int) -> DamageError | None:
    """As `find_damage`, of an archive in cold: by its manifest and the sizes of its files."""
    from .cold.manifest import read_manifest

    try:
        manifest = read_manifest(folder, archive)
    except DamageError as broken:
        return broken
    for file in manifest.files:
        path = folder / file.name
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return DamageError("the file is missing", where=str(path), partition=partition)
        if size != file.size_bytes:
            what = f"it has {size:,} bytes, and the manifest says {file.size_bytes:,}"
            return DamageError(what, where=str(path), partition=partition)
    return None
