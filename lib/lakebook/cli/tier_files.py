"""`lakebook tier compact` and `lakebook tier vacuum`: the files of prod's tables, hot and warm."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import merged, plural, size_text
from ..errors import LakebookError, UserError, did_you_mean
from ..names import PROD
from . import shared
from .tier_shared import print_unpromised, tables_in, unpromised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..delta import CompactResult
    from ..names import Dataset
    from ..settings import Settings
    from ..tiers.compaction import Compaction
    from ..tiers.vacuum import Vacuumed

Datasets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DATASET]...", help="Datasets: silver.flights. Default: all."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def compact(
    datasets: Datasets = None,
    dry_run: DryRun = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Merge small files into sorted ones of the target size, each partition where it lies."""
    from ..contract.lookup import find_table
    from ..names import tier_tables
    from ..tiers.compaction import plan_compaction, run_compaction
    from .telling import Told, telling

    settings = shared.settings_of(lake, PROD, writes=not dry_run)
    report = _Report(as_json, dry_run)
    chosen = [one for one in _chosen(settings, datasets) if not one.is_quarantine]  # one file each
    forgotten = () if datasets else unpromised(settings)
    chosen = [one for one in chosen if one not in forgotten]
    tell = nullcontext(Told("")) if dry_run else telling(settings, "tier compact", job="compact")
    with tell as told:
        for dataset in chosen:
            with report.errors_of(dataset):
                contract = find_table(settings, dataset)
                for plan in plan_compaction(tier_tables(settings.roots, dataset), contract):
                    done = None if dry_run else run_compaction(plan, run=told.run_id)
                    report.add(_compacted(plan, done), _compacted_words(plan, done))
                    if done is not None and done.compacted:
                        figures = (done.files_before, done.files_after)
                        why = merged(*figures, done.bytes_before, done.bytes_after)
                        told.add([plan.operation(done, why).to_json()])
        told.error = report.problem
    report.end("no partition has several small files")
    print_unpromised(forgotten)


def vacuum(
    datasets: Datasets = None,
    retention: Annotated[
        float,
        typer.Option(
            metavar="DAYS",
            min=0,
            help="Keep what was removed since then: a reader without a lease needs it that long.",
        ),
    ] = 7.0,
    dry_run: DryRun = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Delete files that only old versions show; those of leases and living runs stay."""
    from ..names import tier_tables
    from ..tiers.vacuum import vacuum_dataset

    settings = shared.settings_of(lake, writes=not dry_run)
    report = _Report(as_json, dry_run)
    for dataset in _chosen(settings, datasets):
        with report.errors_of(dataset):
            tables = tier_tables(settings.roots, dataset)
            done = vacuum_dataset(tables, retention_s=retention * 86_400, dry_run=dry_run)
            for tier, found in done.items():
                report.add(_vacuumed(dataset, tier, found), _vacuumed_words(dataset, tier, found))
    report.end("nothing to delete")


def _chosen(settings: Settings, names: Sequence[str] | None) -> tuple[Dataset, ...]:
    """The datasets that prod has a table of in hot or warm; UserError for a name of none."""
    from ..names import Dataset

    known = tables_in(settings)
    if not names:
        return tuple(known)
    wanted = dict.fromkeys(Dataset.parse(name) for name in names)
    for dataset in wanted:
        if dataset not in known:
            guess = did_you_mean(str(dataset), map(str, known))
            raise UserError(f"prod has no table {dataset}{guess}", where=str(settings.lake))
    return tuple(wanted)


class _Report:
    """What was done to each table, as words while it happens or as JSON at the end."""

    def __init__(self, as_json: bool, dry_run: bool) -> None:
        self._json = as_json
        self._would = "would be " if dry_run else ""
        self._dry_run = dry_run
        self._tables: list[Mapping[str, Any]] = []
        self._problems: list[Mapping[str, Any]] = []
        self._said = 0

    @contextmanager
    def errors_of(self, dataset: Dataset) -> Iterator[None]:
        """A dataset with an error is told and does not keep the others from their turn."""
        try:
            yield
        except LakebookError as found:
            self.fail(dataset, found)

    def add(self, table: Mapping[str, Any], words: Iterable[str]) -> None:
        self._tables.append(table)
        for line in words:
            self._said += 1
            if not self._json:
                text = line.format(would=self._would)
                shared.console().print(text, markup=False, soft_wrap=True)

    def fail(self, dataset: Dataset, found: LakebookError) -> None:
        self._problems.append({"dataset": str(dataset), "problem": found.sentence})
        out = shared.error_console()
        out.print(f"error {dataset}: {found.sentence}", markup=False, soft_wrap=True)

    @property
    def problem(self) -> str:
        """The first; empty if there is none."""
        return str(self._problems[0]["problem"]) if self._problems else ""

    def end(self, nothing: str) -> None:
        if self._json:
            raw = {"dry_run": self._dry_run, "tables": self._tables, "problems": self._problems}
            shared.print_json(raw)
        elif not self._said and not self._problems:
            shared.console().print(nothing)
        if self._problems:
            raise typer.Exit(1)


def _compacted(plan: Compaction, done: CompactResult | None) -> dict[str, Any]:
    raw = {
        "dataset": plan.dataset,
        "tier": plan.tier,
        "sort_by": list(plan.sort_by),
        "partitions": list(plan.work if done is None else done.compacted),
        "files_before": plan.files if done is None else done.files_before,
        "bytes_before": plan.size_bytes if done is None else done.bytes_before,
    }
    if done is None:
        return raw
    after = {"files_after": done.files_after, "bytes_after": done.bytes_after}
    return {**raw, **after, "skipped": list(done.skipped), "version": done.version}


def _compacted_words(plan: Compaction, done: CompactResult | None) -> Iterable[str]:
    head = f"{plan.dataset} in {plan.tier}"
    if done is None:
        files, size = plural(plan.files, "file"), size_text(plan.size_bytes)
        yield f"{head}: {files} of {plural(len(plan.work), 'partition')} ({size}) would be merged"
        return
    if done.compacted:
        before, after = size_text(done.bytes_before), size_text(done.bytes_after)
        yield (
            f"{head}: {plural(done.files_before, 'file')} of "
            f"{plural(len(done.compacted), 'partition')} ({before}) are "
            f"{done.files_after:,} now ({after})"
        )
    if done.skipped:
        yield f"{head}: {', '.join(done.skipped)} written meanwhile, left as it is"


def _vacuumed(dataset: Dataset, tier: str, found: Vacuumed) -> dict[str, Any]:
    return {
        "dataset": str(dataset),
        "tier": tier,
        "files": len(found.vacuum.deleted),
        "bytes": found.vacuum.freed_bytes,
        "kept_by_lease": found.vacuum.kept_by_lease,
        "swept_runs": list(found.sweep.runs),
        "swept_files": len(found.sweep.deleted),
        "swept_bytes": found.sweep.freed_bytes,
        "stale_partitions": list(found.stale),
    }


def _vacuumed_words(dataset: Dataset, tier: str, found: Vacuumed) -> Iterable[str]:
    head, gone = f"{dataset} in {tier}", found.vacuum
    if found.sweep.runs:
        files, size = plural(len(found.sweep.deleted), "file"), found.sweep.freed_bytes
        yield f"{head}: {files} of dead runs swept ({size_text(size)})"
    if found.stale:
        stale = plural(len(found.stale), "partition")
        yield f"{head}: stale copies of {stale} removed; their files go after the retention"
    if gone.deleted:
        files = plural(len(gone.deleted), "file")
        yield f"{head}: {files} {{would}}deleted ({size_text(gone.freed_bytes)})"
    if gone.kept_by_lease:
        yield f"{head}: {plural(gone.kept_by_lease, 'file')} kept for those who hold a lease"
