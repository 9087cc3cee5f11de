"""One write: stage, inspect, audit, quarantine, commit, record. Each part stands in its own module;
here is only their order (design: "A write, step by step").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract.misfits import set_aside, staged
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import (
    CommitResult,
    Inspection,
    Snapshot,
    Stage,
    commit_replace,
    ensure_table,
    open_snapshot,
    sweep,
)
from ..delta import inspect as inspect_files
from ..errors import ConflictError
from ..ingest.source import VERSION_COLUMNS
from ..intervals import NULL
from ..names import PROD, table_path, tier_tables
from ..settings import Settings
from ..tiers.alike import alike_in
from ..tiers.intact import intact_in
from .card import Card, card_of
from .fingerprint import input_parts, partition_fingerprint, unknown_fingerprint
from .gate import (
    References,
    audit_rows,
    hold,
    profile_rows,
    referenced_keys,
    split_rows,
    stage_rows,
)
from .lost import say_lost
from .merge import Merge, plan_merge
from .misfits import Misfits, in_words, set_apart
from .null_rows import NullRows, covered_partitions
from .outcome import Output
from .timing import commit_metadata, timed

if TYPE_CHECKING:
    from .lake import LakeContext


Account = Callable[["LakeContext", TableContract, Inspection | None], None]


def note_fences(settings: Settings, contract: TableContract) -> Snapshot:
    """The output table as it stands before its inputs are read.

    What dead runs staged there is swept first: it raises fences, so it must not come later.
    """
    table = table_path(settings.lake, contract.dataset, env=settings.env)
    sweep(table)
    return open_snapshot(table)


@dataclass(frozen=True)
class Draft:
    """Staged rows and the partitions that they replace. `merge`: set for a merge by key; `misfits`:
    where the contract sets some aside, which are not among the staged rows any more."""

    stage: Stage
    found: Inspection
    names: tuple[str, ...]
    merge: Merge | None = None
    misfits: Misfits | None = None

    @property
    def landed(self) -> Inspection:
        """All rows that the frame had."""
        return self.misfits.landed if self.misfits else self.found

    @property
    def kept(self) -> tuple[str, ...]:
        return self.merge.kept if self.merge else ()


def publish(
    context: LakeContext, frame: Any, contract: TableContract, *, account: Account | None = None
) -> Card:
    """Write one table; return its card. Nothing is visible before the one commit.

    `account`: says where the rows of the step's sources went (`landed.account`).
    """
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    tables = tier_tables(context.settings.roots, contract.dataset)
    ensure_table(table, contract, keep_extras=context.lands)
    stages: list[Stage] = []
    try:
        draft = _draft(context, frame, contract, stages)
        if account:
            account(context, contract, None if draft.merge else draft.landed)
        with timed(context, "audit"):
            references = referenced_keys(context, contract)
            audit = audit_rows(
                context, contract, draft.stage, draft.found, references, covered=draft.names
            )
        fps = _fingerprints(context, draft)
        hold(context, contract, audit)
        nulls = None
        if NULL in draft.names and draft.merge is None:
            everything = draft.misfits.stage if draft.misfits else draft.stage
            nulls = NullRows.of(contract, everything, draft.landed)
            nulls.check(context, fps[NULL])
        broken = audit.broken() if audit else {}
        published, inspection, aside = _set_aside(
            context, contract, draft, broken, references, fps, stages
        )
        profiled = profile_rows(context, contract, published, inspection)
        with timed(context, "commit"):
            done = commit_replace(
                table,
                stage=published,
                inspection=inspection,
                partitions=draft.names,
                kept=draft.kept,
                together=draft.merge is not None,
                noted=context.noted[contract.dataset],
                fps=fps,
                metadata=commit_metadata(context),
                intact=intact_in(tables),
                alike=alike_in(tables, table, VERSION_COLUMNS) if context.lands else None,
            )
        if draft.merge is not None and draft.merge.lost:
            say_lost(context, draft.merge.lost, draft.merge.view, inspection)
        if nulls and NULL in done.done_by_others:
            nulls.check(context, fps[NULL])
    except ConflictError:
        context.outcome.conflicts.extend(_again(context, contract, draft.names))
        context.outcome.save()
        raise
    finally:
        for one in stages:
            one.discard()  # what the commit took is kept: it is no longer staged
    without_time = _without_time(draft, inspection)
    output = _record(context, contract, draft, done, aside, without_time, fps, profiled)
    if context.run.out is None:
        context.note_again(contract.dataset, open_snapshot(table, done.version))
    where = () if context.settings.env == PROD else (_own(context.settings.env),)
    return card_of(context, contract, output, audit, *where)


def _own(env: str) -> str:
    return f"written in the environment {env!r}; prod is as it was"


def _set_aside(
    context: LakeContext,
    contract: TableContract,
    draft: Draft,
    broken: dict[str, Mapping[str, int]],
    references: References,
    fps: dict[str, int],
    stages: list[Stage],
) -> tuple[Stage, Inspection, int]:
    """What is left to publish after the quarantine, and how many rows went there."""
    carried = _carried(context, contract, draft)
    left = draft.stage, draft.found, 0
    misfits = draft.misfits if draft.misfits and draft.misfits.rows else None
    if broken or carried is not None or misfits:
        with timed(context, "quarantine"):
            left = split_rows(
                *(context, contract, draft.stage, draft.found, broken, references, fps, stages),
                interval=None if draft.merge else context.interval,
                carried=carried,
                # One fingerprint tells what a replace sets aside; a merge depends on what was
                # there.
                together=draft.merge is not None,
                misfits=misfits,
            )
    if contract.rules or contract.relationships or set_aside(contract):
        from ..quality.quarantine import mend

        names, run_id = (*draft.names, *draft.kept), context.run.run_id
        mend(context.settings, contract, names, run_id=run_id, by_content=context.run.force)
    return left


def _without_time(draft: Draft, published: Inspection) -> dict[str, int]:
    """See `Output`; empty where no run replaces another's rows without a time."""
    if draft.merge is not None or NULL not in draft.names:
        return {}
    landed, kept = (
        sum(file.rows for file in found.by_partition.get(NULL, ()))
        for found in (draft.landed, published)
    )
    return {"published": kept, "quarantined": landed - kept}


def _record(
    context: LakeContext,
    contract: TableContract,
    draft: Draft,
    done: CommitResult,
    aside: int,
    without_time: dict[str, int],
    fps: dict[str, int],
    profiled: dict[str, Any],
) -> Output:
    """Keep what the commit did. Raises ConflictError if it left something out."""
    output = Output(
        dataset=str(contract.dataset),
        version=done.version,
        committed=done.committed,
        unchanged=(*done.unchanged, *done.done_by_others),
        rows_audited=draft.landed.rows,
        rows_published=draft.landed.rows - aside,
        rows_quarantined=aside,
        without_time=without_time,
        fingerprints=fps,
        profile=profiled,
    )
    context.outcome.add_output(output)
    inputs = context.made_of()
    made = [name for name in fps if draft.merge is None or name not in draft.merge.foreign]
    context.outcome.parts.update({n: input_parts(n, inputs) for n in made})
    context.outcome.conflicts.extend(_again(context, contract, done.conflicts))
    context.outcome.save()
    if done.conflicts:
        rest = "nothing of this merge" if draft.merge else "everything else of this run"
        raise ConflictError(
            f"{contract.dataset}: another run committed {', '.join(done.conflicts)} meanwhile",
            fix=f"run these partitions again; {rest} is committed",
            partitions=done.conflicts,
        )
    return output


def _draft(context: LakeContext, frame: Any, contract: TableContract, stages: list[Stage]) -> Draft:
    if set_aside(contract):
        return _landed(context, frame, contract, stages)
    with timed(context, "stage"):
        stage = stage_rows(context, frame, contract, stages, interval=context.interval)
        merge = None
        if contract.write == "merge":
            # The batch is computed once and held to the interval; what stays may lie anywhere.
            merge = plan_merge(context, stage, contract)
            stage = stage_rows(context, merge.frame, contract, stages, interval=None)
    with timed(context, "inspect"):
        found = inspect_files(stage, contract)
    names = merge.rewritten if merge else covered_partitions(context, contract, found)
    return Draft(stage, found, names, merge)


def _landed(
    context: LakeContext, frame: Any, contract: TableContract, stages: list[Stage]
) -> Draft:
    """Rows of a source, those apart that the contract sets aside. It is read once, and what fits
    is staged again without the texts."""
    with timed(context, "stage"):
        whole = staged(contract)
        stage = stage_rows(context, frame, whole, stages, interval=context.interval)
        landed = inspect_files(stage, whole)
        fits, misfits = set_apart(context, contract, stage, landed)
        rest = stage_rows(context, fits, contract, stages, interval=context.interval)
    with timed(context, "inspect"):
        found = inspect_files(rest, contract)
    if misfits.rows:
        context.outcome.add_note(in_words(context, contract, misfits))
    names = covered_partitions(context, contract, landed)
    return Draft(rest, found, names, misfits=misfits)


def _fingerprints(context: LakeContext, draft: Draft) -> dict[str, int]:
    """`fp/` value per partition. What a merge only touches is still made of what it was made of."""
    fps = fingerprints(context, (*draft.names, *draft.kept))
    if draft.merge is not None:
        for name in draft.merge.foreign:
            before = draft.merge.view.holder(name).fp(name)
            fps[name] = unknown_fingerprint() if before is None else before
    return fps


def _carried(context: LakeContext, contract: TableContract, draft: Draft) -> Any:
    """What earlier runs set aside and a merge leaves there; None for a write that replaces."""
    if draft.merge is None or (not contract.rules and not contract.relationships):
        return None
    from ..quality.quarantine import carry

    names = (*draft.names, *draft.kept)
    lost: list[str] | None = [] if context.run.force else None
    rows = carry(context.settings, contract, names, draft.merge.keys, lost=lost)
    context.outcome.notes += lost or []
    return rows


def _again(
    context: LakeContext, contract: TableContract, conflicts: tuple[str, ...]
) -> tuple[str, ...]:
    """What has to run again: a merge, and rows without a time, belong to the whole interval."""
    if conflicts and (contract.write == "merge" or NULL in conflicts):
        return partitions_of(contract, context.interval)
    return conflicts


def fingerprints(context: LakeContext, names: tuple[str, ...]) -> dict[str, int]:
    """`fp/` value per partition; one that equals no other where the run's making is not known."""
    if not context.run.static:
        return {name: unknown_fingerprint() for name in names}
    inputs = context.made_of()
    return {n: partition_fingerprint(context.run.static, n, inputs) for n in names}
