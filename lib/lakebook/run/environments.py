"""What each environment of a lake holds: tables, rows, bytes, runs, pins, and its last use.

Read from logs and folders, never from data. `drop.py` takes an environment away.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..delta import Pin, Snapshot, open_snapshot, open_whole
from ..errors import LakebookError
from ..names import (
    PROD,
    Dataset,
    check_environment,
    environments_of,
    table_path,
    tables_of,
    tier_tables,
)
from ..settings import Settings
from ..step.cold import archived
from ..step.view import pins_of

DROPPED = ".dropped"  # in the lake: environments on their way out


@dataclass(frozen=True)
class TableUse:
    """What an environment wrote of a dataset: live files and, of prod, archives.

    `problem`: why it is unreadable.
    """

    dataset: Dataset
    version: int
    partitions: int
    rows: int
    size_bytes: int
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "dataset": str(self.dataset)}


@dataclass(frozen=True)
class EnvironmentUse:
    """`size_bytes`: of all files on the disk, old versions and reports too; times are UTC."""

    name: str
    owner: str
    tables: tuple[TableUse, ...]
    pins: tuple[Pin, ...]
    runs: int
    size_bytes: int
    last_use: datetime | None

    @property
    def datasets(self) -> tuple[TableUse, ...]:
        """Tables without their quarantines."""
        return tuple(table for table in self.tables if not table.dataset.is_quarantine)

    @property
    def partitions(self) -> int:
        return sum(table.partitions for table in self.datasets)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.datasets)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "owner": self.owner,
            "datasets": [table.to_json() for table in self.datasets],
            "partitions": self.partitions,
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "runs": self.runs,
            "last_use": self.last_use.isoformat(timespec="seconds") if self.last_use else None,
            "pins": [_pin_json(pin) for pin in self.pins],
        }


def survey(settings: Settings) -> tuple[EnvironmentUse, ...]:
    """Every environment of the lake, prod first."""
    return tuple(use_of(settings, name) for name in environments_of(settings.lake))


def existing(settings: Settings, name: str) -> Settings:
    """The settings of an environment that the lake holds; UserError for any other."""
    check_environment(settings.lake, name)
    return replace(settings, env=name)


def use_of(settings: Settings, name: str) -> EnvironmentUse:
    """What one environment holds."""
    folder, mine = settings.lake / name, replace(settings, env=name)
    tables = tuple(table_use(mine, each) for each in tables_of(settings.lake, env=name))
    return EnvironmentUse(
        name=name,
        owner=_owner(folder),
        tables=tables,
        pins=() if name == PROD else pins_of(mine).all(),
        runs=sum(path.is_dir() for path in mine.runs.glob("[0-9]*/*")),
        size_bytes=sum(map(size_of, _folders(mine))),
        last_use=_last_use(mine, [table.dataset for table in tables]),
    )


def _pin_json(pin: Pin) -> dict[str, Any]:
    times = {"pinned": pin.pinned, "heartbeat": pin.heartbeat, "expires": pin.expires}
    return {
        "dataset": pin.dataset,
        "version": pin.version,
        **{
            k: datetime.fromtimestamp(v, UTC).isoformat(timespec="seconds")
            for k, v in times.items()
        },
        "expired": is_expired(pin),
        "keeps_files": bool(pin.lease),
    }


def is_expired(pin: Pin) -> bool:
    return pin.expires <= time.time()


def _folders(settings: Settings) -> list[Path]:
    """Where an environment's files are; prod's tiers may have roots of their own."""
    if settings.env != PROD:
        return [settings.lake / settings.env]
    roots = settings.roots
    return [root / PROD for root in dict.fromkeys((roots.hot, roots.warm, roots.cold))]


def table_use(settings: Settings, dataset: Dataset) -> TableUse:
    try:
        now = _newest(settings, dataset)
        archives = archived(settings, dataset, now, now.placed("cold")).values()
    except LakebookError as broken:  # it is listed and can be dropped all the same
        return TableUse(dataset, -1, 0, 0, 0, broken.sentence)
    there = len(now.written) - len(now.placed("deleted"))
    rows = now.rows + sum(one.rows for one in archives)
    size = sum(file.size_bytes for file in now.files) + sum(one.size_bytes for one in archives)
    return TableUse(dataset, now.version, there, rows, size)


def _newest(settings: Settings, dataset: Dataset) -> Snapshot:
    if settings.env != PROD:
        return open_snapshot(table_path(settings.lake, dataset, env=settings.env))
    tables = tier_tables(settings.roots, dataset)
    return open_whole(tables.hot, tables.warm)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; what goes meanwhile counts as nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_size
    return total


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except KeyError:
        return str(folder.stat().st_uid)


def _last_use(settings: Settings, datasets: Iterable[Dataset]) -> datetime | None:
    """When something was last written, run, or read through a pin."""
    lake, env = settings.lake, settings.env
    places = [table_path(lake, each, env=env) / "_delta_log" for each in datasets]
    places += [*settings.runs.glob("[0-9]*"), *(lake / env / "pins").glob("*.json")]
    times = []
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            times.append(place.stat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC) if times else None
