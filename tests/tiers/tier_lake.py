"""A dataset in three roots and the operations on it, by name, for the proofs of the tiers.

Rows carry the number of the write that made them, so that a reader can tell which write it sees.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import delta_worker as w
import pyarrow.parquet as pq
from tiers.aged import Aged

from lakebook import delta
from lakebook.delta.disk import sync_file
from lakebook.intervals import Interval
from lakebook.names import TierTables, tier_tables
from lakebook.run.erasure import Erasure, erase
from lakebook.settings import Settings, load_settings
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.cold_sweep import sweep_cold
from lakebook.tiers.cold.fall_back import fall_back
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.compaction import plan_compaction, run_compaction
from lakebook.tiers.erasure.subject import parse_subject
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.promote import promote
from lakebook.tiers.retention import delete
from lakebook.tiers.tidy import tidy
from lakebook.tiers.vacuum import vacuum_dataset

CONTRACT = w.make_contract()
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
MONTHS = ("2013-01", "2013-02", "2013-03")
Spec = dict[str, Any]
Months = Sequence[str]


def settings_at(folder: Path) -> Settings:
    """Those of a checkout with the contract in it; it is made if it is not there."""
    if not (folder / "lakebook.toml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        Aged(folder).promise()
        (folder / "lakebook.toml").touch()
    return load_settings(folder, environ={})


def tables_at(folder: Path) -> TierTables:
    return tier_tables(settings_at(folder).roots, CONTRACT.dataset)


def interval_of(months: Sequence[str]) -> Interval:
    """From the first of some months to the end of the last, which must follow each other."""
    first, last = (datetime.strptime(m, "%Y-%m").date() for m in (months[0], months[-1]))
    after = last.replace(year=last.year + last.month // 12, month=last.month % 12 + 1)
    return Interval(first, after)


def write(tables: TierTables, months: Sequence[str], number: int) -> None:
    """Replace months in one commit, all or none; again for as long as others come first."""
    while True:
        noted = delta.ensure_table(tables.hot, CONTRACT)
        stage = delta.begin_stage(tables.hot, f"write-{number}")
        for month in months:
            _stage_halves(stage, noted, month, number)
        result = delta.commit_replace(
            tables.hot,
            stage=stage,
            inspection=delta.inspect(stage, CONTRACT),
            partitions=months,
            noted=noted,
            fps=dict.fromkeys(months, number),
            metadata={"run": f"write-{number}"},
            together=True,
        )
        if not result.conflicts:
            return


def _stage_halves(stage: delta.Stage, noted: delta.Snapshot, month: str, number: int) -> None:
    """Two files a month, so that a compaction has something to do."""
    rows = rows_of(month, number).to_arrow().cast(noted.schema)
    half = rows.num_rows // 2
    for n, part in enumerate((rows.slice(0, half), rows.slice(half))):
        path = stage.file_path(month, n)
        pq.write_table(part, path, compression="zstd")
        sync_file(path)


def rows_of(month: str, number: int) -> w.pl.DataFrame:
    """The rows of a write: `v` tells its number."""
    return w.make_rows(interval_of([month]), number)


def operate(folder: Path, spec: Spec) -> None:
    """One operation, as maintenance or a step does it. Keys: op, months, number, to, expires,
    keys.
    """
    _OPERATIONS[spec["op"]](folder, tuple(spec.get("months", MONTHS)), spec)


def _write(folder: Path, months: Months, spec: Spec) -> None:
    write(tables_at(folder), months, spec["number"])


def _move(folder: Path, months: Months, spec: Spec) -> None:
    move_to_warm(tables_at(folder), CONTRACT, months)


def _promote(folder: Path, months: Months, spec: Spec) -> None:
    promote(tables_at(folder), months)


def _archive(folder: Path, months: Months, spec: Spec) -> None:
    archive(tables_at(folder), CONTRACT, months, level=3)


def _restore(folder: Path, months: Months, spec: Spec) -> None:
    tables = tables_at(folder)
    to, expires = spec.get("to", "warm"), spec.get("expires", FOREVER)
    hot = delta.open_snapshot(tables.hot)
    if chosen := [p for p in months if hot.archive(p)]:
        restore(tables, CONTRACT, chosen, to=to, expires=expires)


def _fall_back(folder: Path, months: Months, spec: Spec) -> None:
    fall_back(tables_at(folder), months, contract=CONTRACT, now=math.inf)


def _delete(folder: Path, months: Months, spec: Spec) -> None:
    noted = delta.open_snapshot(tables_at(folder).hot)
    delete(settings_at(folder), CONTRACT.dataset, months, noted=noted)


def _sweep(folder: Path, months: Months, spec: Spec) -> None:
    tidy(settings_at(folder), CONTRACT.dataset, run="sweep", with_vacuum=False)


def _compact(folder: Path, months: Months, spec: Spec) -> None:
    for plan in plan_compaction(tables_at(folder), CONTRACT, months):
        run_compaction(plan)


def _vacuum(folder: Path, months: Months, spec: Spec) -> None:
    """With no time left to readers: only where nobody reads."""
    later = time.time() + 1
    vacuum_dataset(tables_at(folder), retention_s=0, now=later)
    sweep_cold(tables_at(folder), retention_s=0, now=later)


def _erase(folder: Path, months: Months, spec: Spec) -> None:
    """From all that there is of the dataset, whatever the months."""
    subject = parse_subject(CONTRACT, spec["keys"])
    report = erase(Erasure(settings_at(folder), (CONTRACT,), subject, "erase"))
    assert report.is_clean, (report.found, report.problems)


def _maintain(folder: Path, months: Months, spec: Spec) -> None:
    for each in (_fall_back, _compact, _move, _sweep):
        each(folder, months, spec)


_OPERATIONS: dict[str, Callable[[Path, Months, Spec], None]] = {
    "write": _write,
    "move": _move,
    "promote": _promote,
    "archive": _archive,
    "restore": _restore,
    "fall_back": _fall_back,
    "delete": _delete,
    "sweep": _sweep,
    "compact": _compact,
    "vacuum": _vacuum,
    "erase": _erase,
    "maintain": _maintain,
}
