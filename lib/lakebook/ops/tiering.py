"""The tiering job: what lies where, what the policies would move, and the doing of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..cards.words import count, did, money, plural, size_text
from ..errors import RunError
from ..tiers.operation import Operation
from .card import Column, JobCard, Table
from .places import TIERS, places

if TYPE_CHECKING:
    import polars as pl

    from ..settings import Prices
    from ..tiers.plan import Action, TierPlan
    from ..tiers.status import DatasetStatus
    from ..tiers.tidy import Tidied
    from .api import Maintenance


@dataclass(frozen=True)
class StatusCard(JobCard):
    """`places`: a row per partition (`places.places`); `tiers`: sums by tier, hot first."""

    places: pl.DataFrame = field(default_factory=lambda: _empty())
    tiers: dict[str, dict[str, float]] = field(default_factory=dict)
    currency: str = ""


@dataclass(frozen=True)
class PlanCard(JobCard):
    """`plan`: what `apply` does exactly."""

    plan: TierPlan | None = None


def _empty() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame()


def status(job: Maintenance) -> StatusCard:
    from ..tiers.status import status as look
    from ..tiers.status import totals

    found = look(job.settings, job.tables, job.as_of)
    currency = job.settings.tiers.prices.currency
    tiers: dict[str, dict[str, float]] = {
        use.tier: {
            name: getattr(use, name)
            for name in ("partitions", "files", "rows", "size_bytes", "monthly_cost")
        }
        for use in totals(found)
    }
    parts = [f"{size_text(int(sums['size_bytes']))} {tier}" for tier, sums in tiers.items()]
    total, cost = (
        sum(one[name] for one in tiers.values()) for name in ("size_bytes", "monthly_cost")
    )
    notes = [f"{one.dataset}: {problem}" for one in found for problem in one.problems]
    return StatusCard(
        str(job.name),
        f"{size_text(int(total))}: {', '.join(parts)}; {money(cost)} {currency} a month",
        "warn" if notes else "ok",
        (_by_dataset(found, currency),),
        notes=notes,
        places=places(job.settings, job.tables),
        tiers=tiers,
        currency=currency,
    )


def _by_dataset(found: Iterable[DatasetStatus], currency: str) -> Table:
    rows = []
    for one in found:
        held = []
        for use in one.tiers:
            held.append(
                f"{size_text(use.size_bytes)} in {use.partitions:,}" if use.partitions else ""
            )
        figures = (*held, money(one.monthly_cost))
        rows.append([one.dataset, str(one.policy), one.moves_next, *figures])
    texts = [Column(name) for name in ("Dataset", "Policy", "Next change")]
    held_in = [Column(tier, True, "in partitions") for tier in TIERS]
    columns = (*texts, *held_in, Column(f"{currency} a month", True))
    return Table("by dataset", columns, rows)


def plan(job: Maintenance) -> PlanCard:
    found = planned(job)
    kept = without(found, "delete")
    expired = len(found.actions) - len(kept.actions)
    notes = [f"{note.dataset}: {_several(note.partitions)} {note.text}" for note in found.notes]
    if expired:
        notes.append(
            f"{plural(expired, 'partition')} past retention: lakebook run ops.retention deletes"
        )
    said = f"nothing moves on {found.as_of}"
    if kept.actions:
        before, after = kept.cost_before, kept.cost_after
        said = (
            f"{plural(len(kept.actions), 'partition')} would move on {found.as_of}: "
            f"{plural(kept.files, 'file')}, {plural(kept.rows, 'row')}, "
            f"{size_text(kept.size_bytes)}; {money(before)} → {money(after)} "
            f"{kept.prices.currency} a month for them"
        )
    # What a policy leaves is worth knowing and no problem: it stands on the card alone.
    table = actions_table(kept.actions, kept.prices)
    return PlanCard(str(job.name), said, tables=(table,), asides=notes, plan=kept)


def planned(job: Maintenance) -> TierPlan:
    from ..tiers.plan import plan_tiers

    return plan_tiers(job.settings, job.tables, job.as_of)


def without(plan: TierPlan, *kinds: str) -> TierPlan:
    """The plan without some kinds of action, as a plan of its own."""
    from ..tiers.planfile import with_id

    kept = tuple(action for action in plan.actions if action.kind not in kinds)
    return plan if len(kept) == len(plan.actions) else with_id(replace(plan, actions=kept))


def actions_table(actions: Iterable[Action], prices: Prices) -> Table:
    """A line for neighbours that move for the same reason."""
    from ..tiers.plan import grouped

    rows = []
    for group in grouped(actions):
        first = group.first
        rows.append(
            [
                first.kind.replace("_", " "),
                first.dataset,
                group.name,
                f"{first.source} → {first.target}",
                first.because,
                count(group.files),
                size_text(group.size_bytes),
                f"{money(group.cost_before(prices))} → {money(group.cost_after(prices))}",
            ]
        )
    heads = ["What", "Dataset", "Partitions", "From → to", "Why", "Files", "Size"]
    return Table.of("plan", [*heads, f"{prices.currency} a month"], rows, numbers=3)


def apply(job: Maintenance, card: PlanCard, *, dry_run: bool) -> JobCard:
    if dry_run or card.plan is None:
        return JobCard(str(job.name), f"a dry run: {card.headline}")
    return apply_actions(job, card.plan)


def apply_actions(job: Maintenance, plan: TierPlan) -> JobCard:
    """Do what a plan says. Raises RunError for what an error kept back, when all else is done."""
    from ..tiers.apply import apply_plan

    done = apply_plan(job.settings, plan, run=job.run_id)
    made = [one.to_json() for one in done.operations]
    skipped = [f"{left.sentence}; left as it is" for left in done.skipped]
    failed = [left.sentence for left in done.failed]
    made += swept(done.tidied)
    job.note(made)
    said = did(made) or "there was nothing to do"
    state = "failed" if failed else "warn" if skipped else "ok"
    card = JobCard(str(job.name), said, state, operations=made, notes=[*failed, *skipped])
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        job.fail(card, RunError(f"{failed[0]}{more}"))
    return card


def swept(tidied: Tidied) -> list[dict[str, Any]]:
    """Copies and archives that no log names any more, as operations."""
    return [
        Operation("sweep", dataset, names, reason="no log names them any more").to_json()
        for dataset, names in tidied.swept.items()
    ]


def _several(partitions: tuple[str, ...]) -> str:
    from ..tiers.actions import span

    return span(partitions)
