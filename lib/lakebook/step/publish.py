"""One write: stage, inspect, audit, quarantine, commit, record. Each part stands in its own module;
here is only their order (design: "A write, step by step").
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import (
    Inspection,
    Snapshot,
    Stage,
    commit_replace,
    ensure_table,
    open_snapshot,
)
from ..delta import inspect as inspect_files
from ..errors import ConflictError
from ..intervals import NULL
from ..names import table_path
from ..settings import Settings
from .card import Card
from .fingerprint import input_parts, partition_fingerprint, unknown_fingerprint
from .gate import audit_rows, hold, referenced_keys, split_rows, stage_rows
from .merge import merged
from .outcome import Output

if TYPE_CHECKING:
    from .lake import LakeContext


def note_fences(settings: Settings, contract: TableContract) -> Snapshot:
    """The output table as it stands before its inputs are read."""
    return open_snapshot(table_path(settings.lake, contract.dataset, env=settings.env))


def publish(context: LakeContext, frame: Any, contract: TableContract) -> Card:
    """Write one table; return its card. Nothing is visible before the one commit."""
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    ensure_table(table, contract)
    if contract.write == "merge":
        frame = merged(context, frame, contract)
    stages: list[Stage] = []
    try:
        with _timed(context, "stage"):
            stage = stage_rows(context, frame, contract, stages)
        with _timed(context, "inspect"):
            found = inspect_files(stage, contract)
        names = _partitions(context, contract, found)
        with _timed(context, "audit"):
            references = referenced_keys(context, contract)
            audit = audit_rows(context, contract, stage, found, references)
        fps = fingerprints(context, names)
        hold(context, contract, audit)
        published, inspection, aside = stage, found, 0
        broken = [check.name for check in audit.failed("quarantine")] if audit else []
        if broken:
            with _timed(context, "quarantine"):
                published, inspection, aside = split_rows(
                    context, contract, stage, found, broken, references, fps, stages
                )
        with _timed(context, "commit"):
            done = commit_replace(
                table,
                stage=published,
                inspection=inspection,
                partitions=names,
                noted=context.noted[contract.dataset],
                fps=fps,
                metadata=_metadata(context),
            )
    finally:
        for one in stages:
            one.discard()  # what the commit took is kept: it is no longer staged
    output = Output(
        dataset=str(contract.dataset),
        version=done.version,
        committed=done.committed,
        unchanged=(*done.unchanged, *done.done_by_others),
        rows_audited=found.rows,
        rows_published=found.rows - aside,
        rows_quarantined=aside,
        fingerprints=fps,
    )
    context.outcome.outputs.append(output)
    context.outcome.parts.update({n: input_parts(n, context.inputs) for n in names})
    context.outcome.conflicts.extend(done.conflicts)
    context.outcome.save()
    if done.conflicts:
        raise ConflictError(
            f"{contract.dataset}: another run committed {', '.join(done.conflicts)} meanwhile",
            fix="run these partitions again; everything else of this run is committed",
            partitions=done.conflicts,
        )
    return Card(output, audit.checks if audit else (), tuple(context.outcome.notes))


def fingerprints(context: LakeContext, names: tuple[str, ...]) -> dict[str, int]:
    """`fp/` value per partition; one that equals no other where the run's making is not known."""
    if not context.run.static:
        return {name: unknown_fingerprint() for name in names}
    return {n: partition_fingerprint(context.run.static, n, context.inputs) for n in names}


def _partitions(
    context: LakeContext, contract: TableContract, found: Inspection
) -> tuple[str, ...]:
    """Every partition of the interval, also those that got no row; the null one only if it is there
    or was there before."""
    names = partitions_of(contract, context.interval)
    had_null = NULL in context.noted[contract.dataset].partitions
    return (*names, NULL) if NULL in found.partitions or had_null else names


def _metadata(context: LakeContext) -> dict[str, str]:
    interval = context.interval
    return {
        "run": context.run.run_id,
        "step": str(context.step),
        "interval": str(interval) if interval else "*",
    }


@contextmanager
def _timed(context: LakeContext, what: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        context.outcome.timings[what] = context.outcome.timings.get(what, 0.0) + (
            time.perf_counter() - began
        )
