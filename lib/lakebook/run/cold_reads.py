"""What a run will read and lies in cold: found before it starts, and restored if that is wanted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..cards.words import plural, size_text
from ..contract.lookup import find_table
from ..contract.time import partitions_of
from ..errors import ColdError, LakebookError
from ..graph import StepNode
from ..intervals import Interval, Unit
from ..names import PROD, Dataset, tier_tables
from ..settings import Settings
from ..step.cold import cold_error, spans_text, time_text
from ..step.view import DatasetView
from .plan import Planner, StepPlan, is_appended

if TYPE_CHECKING:
    from ..tiers.operation import Operation

_TRIES = 3

Say = Callable[[str], None]


def provide(settings: Settings, check: Callable[[], None], say: Say) -> None:
    """Restore what a check misses, until it passes. Raises ColdError if that does not help."""
    for _ in range(_TRIES):
        try:
            return check()
        except ColdError as cold:
            if not cold.needs:
                raise
            restore(settings, cold, say)
    check()


def restore(settings: Settings, cold: ColdError, say: Say) -> None:
    """Bring back the partitions that an error names, to warm and for the days of the settings."""
    from ..tiers.cold.restore import restore as bring_back
    from ..tiers.cold.restore_plan import plan_restore
    from ..tiers.roots import claim_roots

    claim_roots(settings)
    until = datetime.now(UTC) + timedelta(days=settings.tiers.restore_days)
    for name, partitions in cold.needs.items():
        contract = find_table(settings, Dataset.parse(name))
        plan = plan_restore(settings, contract, partitions)
        if not plan.sizes:
            continue  # somebody was faster
        days = spans_text(plan.sizes)
        size = f"{plural(len(plan.sizes), 'partition')}, {size_text(plan.size_bytes)}"
        say(
            f"restoring {days} of {name} from cold until {until:%Y-%m-%d} "
            f"({size}, {time_text(plan.seconds)})"
        )
        tables = tier_tables(settings.roots, contract.dataset)
        began, run = datetime.now(UTC), f"restore-{uuid.uuid4().hex[:8]}"
        done = bring_back(tables, contract, tuple(plan.sizes), to="warm", expires=until, run=run)
        if done.moved:
            why = f"a run or a query needs it; stays until {until:%Y-%m-%d %H:%M} UTC"
            _tell(settings, done.operation("restore", tables, "cold", "warm", why), run, began, say)


def _tell(settings: Settings, operation: Operation, run: str, began: datetime, say: Say) -> None:
    """Archive what was restored as a run of prod, where it lies, and emit it."""
    from ..catalog.tiers import emit_moves

    note = emit_moves(
        replace(settings, env=PROD),
        [operation.to_json()],
        run,
        job="restore",
        command="--restore of a run or a query",
        began=began,
    )
    if note:
        say(note)


def check_reads(planner: Planner, node: StepNode, interval: Interval | None) -> None:
    """Raise ColdError if a run of an interval cannot read all that its code declares.

    Raises UserError for days that retention deleted. What a merge has to rewrite is known only when
    its batch is there.
    """
    views: dict[Dataset, DatasetView] = {}
    _check(planner, _wanted(planner, node, interval, views), views)


@dataclass(frozen=True)
class Obstacle:
    """Why runs of a step stop before they start. Not sure: a run before them may take it away."""

    error: LakebookError
    is_sure: bool


def obstacles(
    planner: Planner,
    plans: Iterable[StepPlan],
    every: Unit | None,
    views: dict[Dataset, DatasetView],
) -> Mapping[Dataset, Obstacle]:
    """What `check_reads` would raise for planned runs, all those of a step at once.

    What a run before makes anew lies in hot by then if it gets other rows, and else stays where it
    is, so that of such partitions nothing is sure. `views` are those of the plans.
    """
    found: dict[Dataset, Obstacle] = {}
    made: dict[Dataset, set[str]] = {}
    for plan in plans:
        if not plan.is_due or is_appended(plan.node):
            continue
        pieces = plan.pieces(every)
        for table in plan.node.contract.tables if plan.node.contract else ():
            made[table.dataset] = {name for piece in pieces for name in partitions_of(table, piece)}
        wanted: dict[Dataset, dict[str, None]] = {}
        try:
            for piece in pieces:
                for dataset, names in _wanted(planner, plan.node, piece, views).items():
                    wanted.setdefault(dataset, {}).update(names)
        except LakebookError as error:  # of a dataset that cannot be opened
            found[plan.node.name] = Obstacle(error, is_sure=True)
            continue
        try:
            _check(planner, wanted, views)
        except LakebookError as error:
            sure = {
                dataset: {name: None for name in names if name not in made.get(dataset, ())}
                for dataset, names in wanted.items()
            }
            found[plan.node.name] = Obstacle(error, _stops(planner, sure, views))
    return found


def _stops(planner: Planner, wanted: _Wanted, views: dict[Dataset, DatasetView]) -> bool:
    try:
        _check(planner, wanted, views)
    except LakebookError:
        return True
    return False


_Wanted = Mapping[Dataset, Mapping[str, None]]
"""Datasets that runs read, with the partitions of each; what nobody wrote is left out."""


def _check(planner: Planner, wanted: _Wanted, views: dict[Dataset, DatasetView]) -> None:
    missing = []
    for dataset, names in wanted.items():
        view = planner.view(dataset, views)
        if cold := view.in_cold(names):
            if planner.settings.env != PROD:
                view.check_readable(cold)
            missing.append((view.contract, cold))
        else:
            view.check_readable(names)
    if missing:
        raise cold_error(planner.settings, missing)


def _wanted(
    planner: Planner, node: StepNode, interval: Interval | None, views: dict[Dataset, DatasetView]
) -> _Wanted:
    assert node.contract is not None
    wanted: dict[Dataset, dict[str, None]] = {}

    def note(dataset: Dataset, within: Interval | None) -> None:
        names = planner.view(dataset, views).read_of(within)
        wanted.setdefault(dataset, {}).update(dict.fromkeys(names))

    for read in node.reads:
        around = None
        if interval is not None and not read.whole:
            around = interval.expand(read.before_days, read.after_days)
        note(read.dataset, around)
    for table in node.contract.tables:
        for relation in table.relationships:
            if relation.to_dataset not in node.outputs:
                note(relation.to_dataset, None)
        if table.write != "append" and any(rule.scope == "table" for rule in table.rules):
            note(table.dataset, None)
            for name in partitions_of(table, interval):
                wanted[table.dataset].pop(name, None)  # these are what the run makes
    return wanted
