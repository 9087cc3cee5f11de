"""From staged files to those that may be published: audit, gate, and the split of a quarantine.

The order of a write stands in `publish`; how rules are evaluated, in `lakebook.quality`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..contract.misfits import RULE
from ..contract.model import Relationship, TableContract
from ..delta import Inspection, Stage, begin_stage
from ..delta import inspect as inspect_files
from ..errors import GateError
from ..intervals import NULL, Interval
from ..names import table_path
from .declared import tokens_of
from .profile import profile, sample
from .timing import timed
from .view import open_view

if TYPE_CHECKING:
    import narwhals as nw

    from ..quality import AuditResult, CheckResult
    from .lake import LakeContext
    from .misfits import Misfits

_NAMED_PARTITIONS = 20
"""A record names at most so many of the partitions in which a rule does not hold."""


def stage_rows(
    context: LakeContext,
    frame: Any,
    contract: TableContract,
    stages: list[Stage],
    *,
    interval: Interval | None,
) -> Stage:
    """Stage a frame; `stages` is what has to be discarded in the end. `interval`: see `Engine`."""
    table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
    stage = begin_stage(table, context.run.run_id)
    stages.append(stage)
    context.engine.stage(frame, stage, contract, interval=interval)
    return stage


def audit_rows(
    context: LakeContext,
    contract: TableContract,
    stage: Stage,
    found: Inspection,
    references: References,
    covered: Collection[str],
) -> AuditResult | None:
    """Evaluate the contract's rules on what is staged; None if it has none.

    `covered` are the partitions that the staged rows will replace. A rule judges each of them by
    itself, also one without rows; a rule about the whole table sees the others as they are.
    """
    if not contract.rules and not contract.relationships:
        return None
    # Brings Great Expectations: only where something is audited.
    from ..quality import audit, without_classified

    schema = contract.arrow_schema()
    frame = context.engine.scan(_paths(stage, found), schema)
    whole = None
    if any(rule.scope == "table" for rule in contract.rules):
        view = open_view(context.settings, contract)
        rest = [p for p in view.present if p not in covered]
        whole = context.engine.scan(_paths(stage, found) + view.paths(rest), schema)
    # Whether there were rows without a time before says nothing of those that are written.
    judged = {*covered, *found.partitions} - {NULL} | ({NULL} & {*found.by_partition})
    result = audit(
        frame,
        contract,
        references=references.keys,
        table_frame=whole,
        partitions=sorted(judged),
        unreadable=references.unreadable,
    )
    result = without_classified(result, contract, ours=references.unreadable)
    context.outcome.checks.extend(
        {"dataset": str(contract.dataset), **_recorded(check)} for check in result.checks
    )
    context.outcome.keep_audit(contract.dataset, result.gx)
    context.outcome.save()
    return result


def _recorded(check: CheckResult) -> dict[str, Any]:
    return asdict(replace(check, partitions=check.partitions[:_NAMED_PARTITIONS]))


def profile_rows(
    context: LakeContext, contract: TableContract, published: Stage, found: Inspection
) -> dict[str, Any]:
    """Counts and ranges of what is about to be committed, and some of its rows."""
    with timed(context, "profile"):
        rows = context.engine.scan(_paths(published, found), contract.arrow_schema())
        return {**profile(found, contract, rows), "sample": sample(rows, contract)}


@dataclass(frozen=True)
class References:
    """Key values of the datasets that a contract refers to, by relationship name, and why there are
    none of a relationship that cannot be judged.

    Each is a column of the engine's, so that the keys of a large dimension stay small in memory.
    """

    keys: Mapping[str, Any]
    unreadable: Mapping[str, str]


def referenced_keys(context: LakeContext, contract: TableContract) -> References:
    """What the contract's relationships are judged by."""
    values: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    for relation in contract.relationships:
        view = context.peek(relation.to_dataset)
        if relation.to_dataset in context.contract.datasets:  # perhaps just written by this step
            view = open_view(context.settings, find_table(context.settings, relation.to_dataset))
        if not view.exists:
            unreadable[relation.name] = (
                f"{relation.to_dataset} has no table yet; run its step first"
            )
            continue
        if differ := _not_alike(relation, contract, view.contract):
            unreadable[relation.name] = differ
            continue
        frame = context.engine.scan(view.paths(), view.contract.arrow_schema())
        keys = frame.select(*relation.to_columns).drop_nulls().unique()
        # One column is looked up as a set, several by a join that the engine does.
        values[relation.name] = keys if relation.others else keys.collect()[relation.to_column]
        context.outcome.add_input(relation.to_dataset, view.versions, view.data)
        if relation.action != "warn":  # then the referenced keys decide which rows are published
            context.inputs.append(tokens_of(view, whole=True))
    return References(values, unreadable)


def _not_alike(relation: Relationship, own: TableContract, other: TableContract) -> str:
    """Why a column is not compared with the one that it refers to; mostly nothing.

    A run is refused for it before it starts, a session is not.
    """
    for mine, theirs in zip(relation.columns, relation.to_columns, strict=True):
        if theirs not in other.names:
            return f"{relation.to_dataset} has no column {theirs!r}"
        kind, kind_there = own.column(mine).type, other.column(theirs).type
        if kind != kind_there:  # which engines would compare rounded, or not at all
            there = f"{relation.to_dataset}.{theirs}"
            return f"{mine!r} is {kind} and {there} is {kind_there}; give both the same type"
    return ""


def hold(context: LakeContext, contract: TableContract, audit: AuditResult | None) -> None:
    """Raise GateError if a rule lets nothing be published: one with the action fail that does not
    hold, or one that cannot be evaluated and whose action is not just to warn."""
    failed = audit.stops() if audit else ()
    if not failed:
        return
    first = failed[0]
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    if first.problem:
        said = first.problem if len(failed) == 1 else f"{first.problem}; {len(failed) - 1} more"
        raise GateError(
            f"rule {first.name!r} could not be evaluated: {said}",
            where=f"{contract.dataset}",
            fix="nothing was published; mend the rule or what it refers to",
        )
    count = first.observed  # which names the partitions, if it is a figure
    if first.unexpected:
        count = f"{first.unexpected} of {first.evaluated} rows{_in(first.partitions)}"
    shown = "" if count is None else f" ({count})"  # what is classified is not measured aloud
    reason = f": {first.reason}" if first.reason else ""
    raise GateError(
        f"rule {first.name!r}{more} does not hold{shown}{reason}",
        where=f"{contract.dataset}",
        fix="nothing was published; see the run report for the rows",
    )


def _in(partitions: Sequence[str]) -> str:
    if not partitions:
        return ""
    more = f" and {len(partitions) - 3} more" if len(partitions) > 3 else ""
    return f" in {', '.join(partitions[:3])}{more}"


def split_rows(
    context: LakeContext,
    contract: TableContract,
    stage: Stage,
    found: Inspection,
    broken: Mapping[str, Mapping[str, int]],
    references: References,
    fps: Mapping[str, int],
    stages: list[Stage],
    *,
    interval: Interval | None,
    carried: nw.LazyFrame[Any] | None = None,
    together: bool = False,
    misfits: Misfits | None = None,
) -> tuple[Stage, Inspection, int]:
    """Split the staged rows; set the failing ones aside first, so that none is ever nowhere.

    `broken`: see `AuditResult.broken`; `carried`: rows of the quarantine that stay in it;
    `together`: see `quality.quarantine.publish`; `misfits`: rows that were parted before the audit.
    """
    import narwhals as nw

    from ..quality import flag
    from ..quality.quarantine import publish as set_aside

    frame = context.engine.scan(_paths(stage, found), contract.arrow_schema())
    flagged = flag(frame, contract, broken, references.keys, partitions=tuple(found.partitions))
    failed = flagged.filter(~nw.col("_failed_rules").is_null())
    passing = flagged.filter(nw.col("_failed_rules").is_null()).drop("_failed_rules")
    kept, inspection = stage, found
    if broken or carried is not None:
        kept = stage_rows(context, passing, contract, stages, interval=interval)
        inspection = inspect_files(kept, contract)
    counted, before = dict(broken), found.rows
    if misfits is not None:
        names = misfits.frame.collect_schema().names()
        texts = nw.lit(None).cast(nw.String)
        failed = nw.concat([failed.with_columns(_misfit=texts).select(*names), misfits.frame])
        counted[RULE], before = misfits.counts, before + misfits.rows
    aside = set_aside(
        context.settings,
        contract,
        failed,
        engine=context.engine,
        run_id=context.run.run_id,
        fps=fps,
        interval=interval,
        carried=carried,
        together=together,
        counted=counted,
    )
    if inspection.rows + aside != before:
        raise AssertionError(
            f"{contract.dataset}: {before} rows staged, but {inspection.rows} to publish "
            f"and {aside} in quarantine"
        )
    return kept, inspection, aside


def _paths(stage: Stage, found: Inspection) -> list[str]:
    return [str(stage.table / file.path) for file in found.files]
