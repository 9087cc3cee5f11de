"""Files that are written but not committed, and the manifests that let a sweep find them.

A manifest is durable before the first file, so no crash leaves a file that nobody knows.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import RunError, StorageError, storage_errors
from .disk import make_folder, put, remove
from .faults import fault_point
from .log import open_snapshot
from .snapshot import partition_folder

STAGING = "_staging"
MARKED = ".sweep"  # suffix of a manifest that a sweep has taken away
DOOM = ".doom"  # suffix of the list of files that a vacuum is about to delete
DAY_S = 86_400


@dataclass(frozen=True)
class Manifest:
    """Who stages which files: those whose names begin with `prefix` and a dot."""

    run_id: str
    prefix: str
    pid: int
    host: str
    expires: float  # seconds since 1970


class Stage:
    """Files of one run for one table that are not committed yet. Made by `begin_stage`."""

    def __init__(self, table: Path, manifest: Manifest, partition_columns: tuple[str, ...]) -> None:
        self.table = table
        self.run_id = manifest.run_id
        self.prefix = manifest.prefix
        self.expires = manifest.expires  # seconds since 1970
        self.partition_columns = partition_columns
        self._given: dict[Path, str] = {}
        # An engine that failed may still be asking for files in other threads.
        self._lock = threading.Lock()
        self._closed = False

    @property
    def manifest_path(self) -> Path:
        return self.table / STAGING / f"{self.prefix}.json"

    @property
    def spill_path(self) -> Path:
        """A file or folder for rows in passing; it goes with the stage, also after a crash."""
        return spill_of(self.table, self.prefix)

    def file_path(self, partition: str, n: int) -> Path:
        """Absolute path for the n-th file of a partition; its folder is made here."""
        folder = self.table / partition_folder(self.partition_columns, partition)
        with self._lock:
            if self._given:  # in the lock: an engine asks for its first two at one time
                fault_point("stage.second_file")
            if self._closed:
                raise RunError("the stage is closed", where=str(self.table))
            if self.partition_columns:
                folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self.prefix}.{n:05}.parquet"
            self._given[path] = partition
        return path

    def rename(self, path: Path, name: str) -> Path:
        """Give a staged file another name that also begins with the stage's prefix."""
        target = path.with_name(name)
        with self._lock:
            self._given[target] = self._given[path]
            path.rename(target)
            del self._given[path]
        return target

    def files(self) -> list[tuple[Path, str]]:
        """Files that were staged, each with its partition."""
        return [(path, partition) for path, partition in self._given.items() if path.exists()]

    def paths(self) -> list[str]:
        return [str(path) for path, _ in self.files()]

    def check_stands(self) -> None:
        """Raise RunError if this stage is past its time, or a sweep has taken it for abandoned.

        Its time binds its run first: no sweep needs to have come.
        """
        if time.time() >= self.expires:
            raise RunError(
                f"the run {self.run_id} is past the time for which its staged files were kept",
                where=str(self.table),
                fix="run it again",
            )
        if not self.manifest_path.exists():
            raise RunError(
                f"the staged files of run {self.run_id} were swept as abandoned",
                where=str(self.table),
                fix="run it again",
            )

    def discard(self) -> None:
        """Delete what was staged and not committed; safe also when the commit's answer was lost."""
        self.finish(open_snapshot(self.table).known_paths)

    def finish(self, committed: frozenset[str] = frozenset()) -> None:
        """Delete what was not committed (paths relative to the table), then the manifest."""
        fault_point("finish.before_delete")
        with self._lock:
            self._closed = True
        for path in self._given:
            if path.relative_to(self.table).as_posix() not in committed:
                path.unlink(missing_ok=True)
        remove(self.spill_path)
        fault_point("finish.before_manifest")
        self.manifest_path.unlink(missing_ok=True)
        self._given.clear()


def spill_of(table: Path, prefix: str) -> Path:
    return table / STAGING / f"{prefix}.spill"


def begin_stage(table: Path, run_id: str, *, ttl_s: float = DAY_S) -> Stage:
    """Open a stage for a table that exists. After `ttl_s` a sweep may take it for abandoned."""
    snapshot = open_snapshot(table)
    if snapshot.version < 0:
        raise StorageError("there is no table", where=str(table), fix="call ensure_table first")
    name = re.sub(r"[^A-Za-z0-9_-]", "_", run_id)
    folder = table / STAGING
    fault_point("stage.before_manifest")
    with storage_errors("staging files", table):
        make_folder(folder)
        # The prefix is random: a run that goes on after a crash must not meet its own old files,
        # which may be live by now.
        prefix = f"{name}-{uuid.uuid4().hex[:12]}"
        manifest = Manifest(run_id, prefix, os.getpid(), socket.gethostname(), time.time() + ttl_s)
        stage = Stage(table, manifest, snapshot.partition_columns)
        put(stage.manifest_path, json.dumps(asdict(manifest)).encode())
    fault_point("stage.after_manifest")
    return stage


def doom(table: Path, paths: list[str]) -> None:
    """Announce, durably, that files of old versions will be deleted."""
    folder = table / STAGING
    make_folder(folder)
    put(folder / f"{uuid.uuid4().hex}{DOOM}", json.dumps(paths).encode())


def dooms(table: Path) -> dict[Path, list[str]]:
    """The announcements that stand, each with its files."""
    found = {}
    for mark in sorted((table / STAGING).glob(f"[!.]*{DOOM}")):
        try:
            found[mark] = list(json.loads(mark.read_text()))
        except FileNotFoundError:
            continue  # its vacuum has just finished
    return found


def doomed_paths(table: Path) -> set[str]:
    return {path for paths in dooms(table).values() for path in paths}


def check_there(table: Path, paths: Iterable[str]) -> None:
    """Raise what forbids a commit to name files: one is gone, or about to be deleted.

    Whoever deletes files marks them first and then commits. So a commit that looked before the
    mark loses its version, and looks again.
    """
    swept = {mark.stem for mark in (table / STAGING).glob(f"[!.]*{MARKED}")}
    doomed = doomed_paths(table)
    for path in paths:
        if path.rsplit("/", 1)[-1].split(".")[0] in swept:
            raise RunError(f"{path} was swept as abandoned", where=str(table), fix="run it again")
        if path in doomed or not (table / path).exists():
            raise StorageError(f"{path} was deleted meanwhile", where=str(table), fix="run again")


def clear_doom(mark: Path) -> None:
    mark.unlink(missing_ok=True)
