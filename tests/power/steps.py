"""Writes as a step makes them, with audit and quarantine: what is published and what is set aside
are those of before or of after, also in what a power cut leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import journal_source
import polars as pl
from small_checkout import POSITIVE
from small_lake import Row, SmallLake

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.names import Dataset, table_path
from lakebook.quality import quarantine
from lakebook.settings import load_settings

STEP = Dataset.parse("silver.events")
D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
AFTER = "2013-01-04"
Seen = tuple[list[tuple[int, int]], list[tuple[int, int]]]
"""`(id, amount)` of the rows that are published, and of those that are set aside."""

OLD: list[Row] = [(1, D1, 10), (2, D1, -20), (3, D2, 30)]
NEW: list[Row] = [(1, D1, 11), (2, D1, -21), (4, D1, -40), (3, D2, 30), (5, D3, 50)]
BATCH: list[Row] = [(2, D1, 21), (3, D3, -31), (6, D2, 60)]


def see(root: Path) -> Seen:
    """What a query sees of the dataset and of its quarantine; nothing is swept for it."""
    settings = load_settings(root, environ={})
    paths = delta.open_snapshot(table_path(settings.lake, STEP)).paths()
    columns = ["id", "amount"]
    rows = [pl.read_parquet(p, columns=columns, hive_partitioning=False).rows() for p in paths]
    aside = quarantine.show(settings, find_table(settings, STEP)).select(*columns).collect()
    return sorted(row for part in rows for row in part), sorted(aside.to_native().rows())


def _contract(root: Path, write: str) -> SmallLake:
    root.mkdir(parents=True, exist_ok=True)
    lake = SmallLake(root)
    lake.contract(write, quality=POSITIVE)
    return lake


def _replaced(root: Path) -> None:
    _contract(root, "replace").write(OLD, D1, AFTER)


def _replace(root: Path) -> None:
    SmallLake(root, code="two").write(NEW, D1, AFTER)


def _merged(root: Path) -> None:
    _contract(root, "merge").write(OLD, D1, AFTER)


def _merge(root: Path) -> None:
    SmallLake(root, code="two").write(BATCH, D1, AFTER)


def _record(root: Path, rows: Iterable[Row]) -> None:
    with (root / "orders.journal").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _append(root: Path) -> None:
    sys.path.insert(0, str(root / "plugins"))
    step = SmallLake(root).open(None, None)
    step.write(step.ingest("journal://orders"))


def _appended(root: Path) -> None:
    _contract(root, "append")
    journal_source.install(root / "plugins")
    _record(root, OLD)
    _append(root)
    _record(root, [(7, D1, -70), (8, D3, 80)])


STEPS: Mapping[str, tuple[Callable[[Path], object], Callable[[Path], None]]] = {
    "a first write": (lambda root: _contract(root, "replace"), _replace),
    "a write": (_replaced, _replace),
    "a merge": (_merged, _merge),
    "an append": (_appended, _append),
}
