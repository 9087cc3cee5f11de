"""The folders of a dataset's cold storage: `<partition>/<archive>/`, and what is on its way there.

An archive is made in a hidden draft beside its place, and comes and goes by one rename: nobody ever
sees a part of it.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ...delta.disk import sync_folder
from ...errors import RunError
from ...processes import host_id, is_dead_here
from .manifest import archive_name

DAY_S = 86_400.0

_ARCHIVE = re.compile(r"[0-9a-f]{16}")
_DRAFT = re.compile(r"\.draft-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}")  # host, process, expiry
_SUPERSEDED = re.compile(r"\.superseded-(\d+)-.*")


class Draft:
    """An archive that is being written. Made by `begin_draft`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def publish(self, archive: int) -> Path:
        """Put the archive in its place; all that is in it must be synced. Returns its folder.

        Call `sync_above` before anybody relies on it.
        """
        place = self.path.with_name(archive_name(archive))
        try:
            self.path.rename(place)
        except FileNotFoundError:
            raise RunError(
                "the archive that was being written was swept as abandoned",
                where=str(self.path),
                fix="run it again",
            ) from None
        sync_folder(place.parent)
        return place

    def discard(self) -> None:
        """Remove what was not published."""
        shutil.rmtree(self.path, ignore_errors=True)


def begin_draft(cold: Path, partition: str, *, ttl_s: float = DAY_S) -> Draft:
    """Open a draft. After `ttl_s`, or when its process is dead, a sweep may take it."""
    parent = cold / partition
    parent.mkdir(parents=True, exist_ok=True)
    expires = int(time.time() + ttl_s)
    path = parent / f".draft-{host_id()}-{os.getpid()}-{expires}-{uuid.uuid4().hex[:8]}"
    path.mkdir()
    return Draft(path)


def sync_above(cold: Path) -> None:
    """Make the folders of partitions durable, and those above; before archives are relied on.

    Also when they were there: who made them may have died before they were durable.
    """
    for folder in (cold, *cold.parents[:4]):  # layer, tier, environment, root
        sync_folder(folder)


def archive_folder(cold: Path, partition: str, archive: int) -> Path:
    return cold / partition / archive_name(archive)


def archives(cold: Path) -> Iterator[tuple[str, Path]]:
    """Every archive that is in its place, with its partition."""
    for path in _children(cold):
        if _ARCHIVE.fullmatch(path.name):
            yield path.parent.name, path


def abandoned(cold: Path, now: float) -> Iterator[Path]:
    """The drafts that nobody writes any more, as far as this machine knows."""
    for path in _children(cold):
        match = _DRAFT.fullmatch(path.name)
        if match and (is_dead_here(match[1], int(match[2])) or int(match[3]) <= now):
            yield path


def superseded(cold: Path) -> Iterator[tuple[Path, float]]:
    """Folders that were taken out of their place, each with the time of it (s since 1970)."""
    for path in _children(cold):
        if match := _SUPERSEDED.fullmatch(path.name):
            yield path, float(match[1])


def supersede(folder: Path, now: float) -> Path | None:
    """Take an archive or a draft out of its place; None: somebody else has, or published it."""
    target = folder.with_name(f".superseded-{int(now)}-{folder.name.lstrip('.')}")
    try:
        folder.rename(target)
    except FileNotFoundError:
        return None
    sync_folder(folder.parent)
    return target


def delete_folder(folder: Path) -> None:
    """Delete what is out of its place; no power cut brings it back after this."""
    shutil.rmtree(folder, ignore_errors=True)
    sync_folder(folder.parent)


def _children(cold: Path) -> Iterator[Path]:
    for partition in sorted(cold.iterdir()) if cold.is_dir() else ():
        if partition.is_dir():
            yield from sorted(path for path in partition.iterdir() if path.is_dir())
