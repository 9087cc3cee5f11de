"""Takes what is left of deleted partitions from the disk, in every tier and in the quarantine.

Deletion means the disk too: nothing waits for the time that vacuum leaves to readers, but for what
a lease still names.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..delta import PARTITION, living_stages, open_snapshot, sweep, vacuum
from ..delta.cleaner import removed_files
from .cold.cold_folders import abandoned, delete_folder, supersede
from .placing import NewPlace, set_places


@dataclass(frozen=True)
class Kept:
    """A file or folder of a deleted partition that is still on the disk, and why, as a clause."""

    partition: str
    path: Path
    reason: str


class Rest:
    """What is left on the disk of deleted partitions, while it goes."""

    def __init__(
        self, partitions: Collection[str], leases: Mapping[Path, str], release_all: bool
    ) -> None:
        self.partitions = partitions
        self.leases = leases
        self.release_all = release_all
        self.kept: list[Kept] = []
        self.files = 0
        self.size_bytes = 0

    def clear_table(self, table: Path) -> None:
        """Delete what no version from now on shows, of these partitions alone."""
        if open_snapshot(table).version < 0:
            return
        sweep(table)
        snapshot = open_snapshot(table)
        wanted: set[str] = set()
        for path in removed_files(table, time.time()):
            partition = self._of(path)
            if partition is None or not (table / path).exists():
                continue
            if holder := self.leases.get(table / path):
                self.kept.append(Kept(partition, table / path, holder))
            else:
                wanted.add(path)
        done = vacuum(table, retention_s=0.0, release_all=self.release_all, only=wanted)
        self.files += len(done.deleted)
        self.size_bytes += done.freed_bytes
        for file in snapshot.files:
            if (partition := self._of(file.path)) is not None:
                why = "a move or a run is using it"
                self.kept.append(Kept(partition, table / file.path, why))

    def clear_cold(self, cold: Path) -> None:
        """Delete the archives: no token names them any more, and no restore can place them."""
        dead = set(abandoned(cold, time.time()))
        for partition in self.partitions:
            folder = cold / partition
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.name.startswith(".draft-") and path not in dead:
                    self.kept.append(Kept(partition, path, "an archive is being made of it"))
                    continue
                found = [one for one in path.rglob("*") if one.is_file()]
                self.files += len(found)
                self.size_bytes += sum(one.stat().st_size for one in found)
                # At once out of its place, so that nobody meets a part of it.
                aside = path if path.name.startswith(".superseded-") else supersede(path, 0)
                delete_folder(aside or path)

    def _of(self, path: str) -> str | None:
        """The partition of a file, by its folder, if it is one of these."""
        folder = path.split("/", 1)[0]
        name = folder.removeprefix(f"{PARTITION}=")
        return name if name != folder and name in self.partitions else None


def empty_quarantine(rest: Rest, main: Path, aside: Path, run: str) -> None:
    """Commit that the partitions have no rows set aside any more.

    A run sets rows aside before it publishes: while one is at it, they are left for the next call.
    """
    noted = open_snapshot(aside)
    found = [t for t in noted.partitions if t.rpartition("/")[0] in rest.partitions]
    busy = (*living_stages(main), *living_stages(aside))
    if not found or busy:
        return
    about = {"run": run, "operation_kind": "retention"}
    set_places(aside, noted, dict.fromkeys(found, NewPlace("deleted")), about)
