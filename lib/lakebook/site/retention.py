"""Which runs the archive may let go of, and letting them go. What is left of one is a short note.

`[archive]` in lakebook.toml says the days. The last good run of each step always stays, and so
does the newest run, whatever it was: it is the state of the step.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..archive.record import RunRecord, read_record, read_records, run_folder
from ..errors import UserError
from ..files import put_file, sync
from ..settings import Settings
from .removed import without_content
from .scan import PRUNED, listing

ASKED_FOR = "it was asked for by its id"
_HIDDEN = ".{}.pruned"  # a folder on its way out


@dataclass(frozen=True)
class Doomed:
    """A run that the policy lets go, and why, as a sentence's end."""

    record: RunRecord
    why: str
    size_bytes: int


@dataclass(frozen=True)
class PrunePlan:
    doomed: tuple[Doomed, ...]
    kept: int

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.doomed)


def plan_prune(settings: Settings, *, now: datetime | None = None) -> PrunePlan:
    """What would go, oldest first. Nothing is touched."""
    policy = settings.archive
    records = read_records(settings.runs)  # newest first
    moment = now or datetime.now(UTC)
    safe = _last_ones(records)
    doomed = []
    for record in reversed(records):
        good = record.status == "ok"
        days = policy.keep_days if good else policy.keep_failed_days
        name = "keep_days" if good else "keep_failed_days"
        age = moment - datetime.fromisoformat(record.began)
        if record.run_id in safe or not days or age <= timedelta(days=days):
            continue
        size = sum(f.stat().st_size for f in run_folder(settings.runs, record).iterdir())
        doomed.append(Doomed(record, f"{name} = {days}, and it was {age.days} days old", size))
    return PrunePlan(tuple(doomed), len(records) - len(doomed))


def plan_removal(settings: Settings, run_ids: Collection[str], why: str) -> PrunePlan:
    """These runs go, whatever the policy says; the note of one that went before is made anew.

    Raises UserError for a run that is neither in the archive nor was.
    """
    found = {
        entry.run_id: settings.runs / entry.day / entry.run_id
        for entry in listing(settings.runs)
        if entry.run_id in run_ids
    }
    for run_id in run_ids:
        if run_id not in found:
            raise UserError(f"there is no run {run_id!r}", fix="`lakebook runs` lists them")
    doomed = [_doom(folder, why) for _, folder in sorted(found.items())]
    return PrunePlan(tuple(doomed), sum(1 for _ in listing(settings.runs)) - len(doomed))


def _doom(folder: Path, why: str) -> Doomed:
    if not folder.is_dir():
        note = json.loads(folder.with_name(folder.name + PRUNED).read_text("utf-8"))
        return Doomed(RunRecord.from_json(note["record"]), str(note["why"]), 0)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Doomed(read_record(folder), why, size)


def _last_ones(newest_first: Iterable[RunRecord]) -> set[str]:
    newest: dict[str, str] = {}
    good: dict[str, str] = {}
    for record in newest_first:
        newest.setdefault(record.step, record.run_id)
        if record.status == "ok":
            good.setdefault(record.step, record.run_id)
    return {*newest.values(), *good.values()}


def apply_prune(settings: Settings, plan: PrunePlan) -> None:
    """Do what the plan says. Killed at any moment, it goes on the next time.

    The note comes first: a link to a run must find its page or the note, never nothing.
    """
    for one in plan.doomed:
        folder = run_folder(settings.runs, one.record)
        note = folder.with_name(folder.name + PRUNED)
        text = json.dumps(
            {"why": one.why, "record": without_content(one.record).to_json()}, default=str
        )
        put_file(note, text)
        gone = folder.with_name(_HIDDEN.format(folder.name))
        if folder.is_dir():
            folder.rename(gone)
        # Before its files go: no power cut may bring back a folder with half of them.
        sync(folder.parent)
        shutil.rmtree(gone, ignore_errors=True)
    for left_behind in settings.runs.glob("*/.*.pruned"):
        shutil.rmtree(left_behind, ignore_errors=True)
