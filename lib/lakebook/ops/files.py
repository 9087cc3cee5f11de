"""Jobs on files: merge small ones, delete those that nobody can need any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..cards import words
from ..cards.words import did, plural, size_text
from ..errors import LakebookError, RunError
from ..names import tier_tables
from ..tiers.operation import Operation
from .card import JobCard, Table
from .tiering import swept

if TYPE_CHECKING:
    import polars as pl

    from ..delta import CompactResult
    from .api import Maintenance

_COLUMNS = ("dataset", "tier", "files_before", "files_after", "bytes_before", "bytes_after")


@dataclass(frozen=True)
class CompactCard(JobCard):
    """`merged`: dataset and tier -> files and bytes of what was merged, before and after."""

    merged: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def tables_changed(self) -> pl.DataFrame:
        """A row per table: dataset, tier, files_before, files_after, bytes_before, bytes_after."""
        import polars as pl

        kinds = [pl.String, pl.String, *[pl.Int64] * 4]
        return pl.DataFrame(self.merged, dict(zip(_COLUMNS, kinds, strict=True)), orient="row")


def compact(job: Maintenance, *, dry_run: bool) -> CompactCard:
    from ..tiers.compaction import plan_compaction, run_compaction

    merged: list[tuple[Any, ...]] = []
    notes: list[str] = []
    failed: list[str] = []
    made: list[dict[str, Any]] = []
    for contract in job.tables:
        tables = tier_tables(job.settings.roots, contract.dataset)
        for plan in plan_compaction(tables, contract):
            if dry_run:
                merged.append((plan.dataset, plan.tier, plan.files, None, plan.size_bytes, None))
                continue
            try:
                done = run_compaction(plan, run=job.run_id)
            except LakebookError as broken:  # one damaged table keeps no other back
                failed.append(f"{plan.dataset} in {plan.tier}: {broken.sentence}")
                continue
            notes += [
                f"{plan.dataset} {name}: someone wrote it meanwhile; left as it is"
                for name in done.skipped
            ]
            if done.compacted:
                merged.append((plan.dataset, plan.tier, *_figures(done)))
                made.append(plan.operation(done, words.merged(*_figures(done))).to_json())
                job.note(made[-1:])
    card = CompactCard(
        str(job.name),
        _said(merged, dry_run=dry_run),
        "failed" if failed else "warn" if notes else "ok",
        (_table(merged),),
        notes=[*failed, *notes],
        merged=merged,
    )
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        job.fail(card, RunError(f"{failed[0]}{more}"))
    return card


def vacuum(job: Maintenance, *, dry_run: bool) -> JobCard:
    """Sweep the tiers and delete files that were removed from the tables long enough ago."""
    from ..tiers.tidy import tidy

    if dry_run:
        return JobCard(str(job.name), "a dry run: nothing is vacuumed")
    made: list[dict[str, Any]] = []
    kept = 0
    for contract in job.tables:
        done = tidy(job.settings, contract.dataset, run=job.run_id, with_vacuum=True)
        kept += done.kept_by_lease
        made += swept(done)
        if done.deleted:
            gone = Operation(
                "vacuum",
                str(contract.dataset),
                files=done.deleted,
                size_bytes=done.freed_bytes,
                reason="no version of the last week shows them",
            )
            made.append(gone.to_json())
    job.note(made)
    notes = [f"{plural(kept, 'file')} kept for readers that hold a lease"] if kept else []
    said = did(made) or "there was nothing to vacuum"
    return JobCard(str(job.name), said, operations=made, asides=notes)


def _figures(done: CompactResult) -> tuple[int, int, int, int]:
    return done.files_before, done.files_after, done.bytes_before, done.bytes_after


def _said(merged: list[tuple[Any, ...]], *, dry_run: bool) -> str:
    if not merged:
        return "no partition has several small files"
    before, old = sum(row[2] for row in merged), sum(row[4] for row in merged)
    if dry_run:
        return f"{plural(before, 'small file')} ({size_text(old)}) would be merged"
    after, new = sum(row[3] for row in merged), sum(row[5] for row in merged)
    return f"{plural(before, 'file')} merged into {after:,}, {size_text(old)} into {size_text(new)}"


def _table(merged: list[tuple[Any, ...]]) -> Table:
    rows = [
        [
            dataset,
            tier,
            f"{before:,}",
            "" if after is None else f"{after:,}",
            size_text(old),
            "" if new is None else size_text(new),
        ]
        for dataset, tier, before, after, old, new in merged
    ]
    heads = ["Dataset", "Tier", "Files", "after", "Size", "after"]
    return Table.of("merged", heads, rows, numbers=4)
