"""One write: stage, inspect, audit, quarantine, commit, record. Each part stands in its own module;
here is only their order (design: "A write, step by step").
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import (
    Inspection,
    Snapshot,
    Stage,
    begin_stage,
    commit_replace,
    ensure_table,
    open_snapshot,
    sweep,
)
from ..delta import inspect as inspect_files
from ..errors import ConflictError, GateError
from ..intervals import NULL
from ..names import table_path
from ..settings import Settings
from .card import Card
from .fingerprint import InputTokens, input_parts, partition_fingerprint, unknown_fingerprint
from .merge import merged
from .outcome import Output
from .view import open_view

if TYPE_CHECKING:
    from ..quality import AuditResult
    from .lake import LakeContext


def note_fences(settings: Settings, contract: TableContract) -> Snapshot:
    """The output table as it stands before its inputs are read.

    What dead runs staged there is swept first: it raises fences, so it must not come later.
    """
    table = table_path(settings.lake, contract.dataset, env=settings.env)
    sweep(table)
    return open_snapshot(table)


def publish(context: LakeContext, frame: Any, contract: TableContract) -> Card:
    """Write one table; return its card. Nothing is visible before the one commit."""
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    ensure_table(table, contract)
    if contract.write == "merge":
        frame = merged(context, frame, contract)
    stages: list[Stage] = []
    try:
        with _timed(context, "stage"):
            stage = _stage(context, frame, contract, stages)
        with _timed(context, "inspect"):
            found = inspect_files(stage, contract)
        names = _partitions(context, contract, found)
        with _timed(context, "audit"):
            references = _references(context, contract)
            audit = _audit(context, contract, stage, found, references)
        fps = fingerprints(context, names)
        _gate(context, contract, audit)
        published, inspection, aside = stage, found, 0
        broken = [check.name for check in audit.failed("quarantine")] if audit else []
        if broken:
            with _timed(context, "quarantine"):
                published, inspection, aside = _split(
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


def _stage(context: LakeContext, frame: Any, contract: TableContract, stages: list[Stage]) -> Stage:
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    stage = begin_stage(table, context.run.run_id)
    stages.append(stage)
    context.engine.stage(frame, stage, contract, interval=context.interval)
    return stage


def _partitions(
    context: LakeContext, contract: TableContract, found: Inspection
) -> tuple[str, ...]:
    """Every partition of the interval, also those that got no row; the null one only if it is there
    or was there before."""
    names = partitions_of(contract, context.interval)
    had_null = NULL in context.noted[contract.dataset].partitions
    return (*names, NULL) if NULL in found.partitions or had_null else names


def _audit(
    context: LakeContext,
    contract: TableContract,
    stage: Stage,
    found: Inspection,
    references: dict[str, Any],
) -> AuditResult | None:
    if not contract.rules and not references:
        return None
    from ..quality import audit  # brings Great Expectations: only where something is audited

    schema = contract.arrow_schema()
    frame = context.engine.scan(_paths(stage, found), schema)
    whole = None
    if any(rule.scope == "table" for rule in contract.rules):
        view = open_view(context.settings, contract)
        rest = [p for p in view.partitions if p not in found.partitions]
        whole = context.engine.scan(_paths(stage, found) + view.paths(rest), schema)
    result = audit(frame, contract, references=references, table_frame=whole)
    from dataclasses import asdict

    context.outcome.checks.extend(
        {"dataset": str(contract.dataset), **asdict(check)} for check in result.checks
    )
    context.outcome.save()
    return result


def _references(context: LakeContext, contract: TableContract) -> dict[str, Any]:
    """Key values of the datasets that the contract refers to, by relationship name."""
    values: dict[str, Any] = {}
    for relation in contract.relationships:
        view = open_view(context.settings, find_table(context.settings, relation.to_dataset))
        if not view.exists:
            context.outcome.notes.append(
                f"{relation.name} not checked: {relation.to_dataset} has no table yet"
            )
            continue
        frame = context.engine.scan(view.paths(), view.contract.arrow_schema())
        column = frame.select(relation.to_column).unique().collect()[relation.to_column]
        values[relation.name] = sorted(v for v in column.to_list() if v is not None)
        context.outcome.add_input(relation.to_dataset, view.versions, view.data)
        if relation.action != "warn":  # then the referenced keys decide which rows are published
            unit = view.contract.time.unit if view.contract.time else None
            context.inputs.append(
                InputTokens(str(relation.to_dataset), unit, view.data, whole=True)
            )
    return values


def _gate(context: LakeContext, contract: TableContract, audit: AuditResult | None) -> None:
    failed = audit.failed("fail") if audit else ()
    if not failed:
        return
    first = failed[0]
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    count = f"{first.unexpected} of {first.evaluated} rows" if first.unexpected else first.observed
    raise GateError(
        f"rule {first.name!r}{more} does not hold ({count}): {first.reason}",
        where=f"{contract.dataset}",
        fix="nothing was published; see the run report for the rows",
    )


def _split(
    context: LakeContext,
    contract: TableContract,
    stage: Stage,
    found: Inspection,
    broken: list[str],
    references: dict[str, Any],
    fps: dict[str, int],
    stages: list[Stage],
) -> tuple[Stage, Inspection, int]:
    """Split the staged rows; set the failing ones aside first, so that none is ever nowhere."""
    import narwhals as nw

    from ..quality import flag
    from ..quality.quarantine import publish as set_aside

    frame = context.engine.scan(_paths(stage, found), contract.arrow_schema())
    flagged = flag(frame, contract, broken, references)
    failed = flagged.filter(~nw.col("_failed_rules").is_null())
    passing = flagged.filter(nw.col("_failed_rules").is_null()).drop("_failed_rules")
    kept = _stage(context, passing, contract, stages)
    inspection = inspect_files(kept, contract)
    aside = set_aside(
        context.settings,
        contract,
        failed,
        engine=context.engine,
        run_id=context.run.run_id,
        fps=fps,
        interval=context.interval,
    )
    if inspection.rows + aside != found.rows:
        raise AssertionError(
            f"{contract.dataset}: {found.rows} rows audited, but {inspection.rows} to publish "
            f"and {aside} in quarantine"
        )
    return kept, inspection, aside


def _paths(stage: Stage, found: Inspection) -> list[str]:
    return [str(stage.table / file.path) for file in found.files]


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
