"""Which partitions of which steps are stale, and why. Reads logs and digests; never data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..delta import open_snapshot
from ..errors import UserError
from ..graph import Graph, StepNode
from ..ingest import open_source
from ..ingest.log import LogSource, read_offsets, waiting
from ..intervals import WHOLE, Interval, Unit, merge_partitions
from ..names import PROD, Dataset, table_path
from ..quality.shown import aside_damage
from ..settings import Settings
from ..step.declared import DeclaredRead, declared_inputs
from ..step.fingerprint import InputTokens, fingerprint_of_parts, input_parts
from ..step.sources import current_source
from ..step.view import DatasetView, open_view
from .failures import failed_partitions
from .making import Making
from .retained import Retained, deleted_partitions
from .static import static_parts

NEVER_MADE = "never made"
"""The reason of a partition that is not there."""

REMADE = "made by prod, which has recorded another making of it since"
"""The reason of a partition of which an environment sees an older copy than prod has: of what that
one was made is recorded no more."""


@dataclass(frozen=True)
class StepPlan:
    """`stale` and `fresh` are names of partitions; `reasons` says why a partition is stale.

    `kept`: those of the fresh that could not be made again, and why.
    """

    node: StepNode
    interval: Interval | None
    stale: tuple[str, ...]
    fresh: tuple[str, ...]
    reasons: Mapping[str, str]
    static: Mapping[str, str]
    waits_for: tuple[str, ...] = ()  # stale steps above: what they give may make more stale
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        return bool(self.stale)

    def pieces(self, every: Unit | None = None) -> tuple[Interval | None, ...]:
        """The intervals to run: the fewest that hold the stale partitions, or one per `every`."""
        return self.cut(self.stale, every)

    def cut(
        self, partitions: Sequence[str], every: Unit | None = None
    ) -> tuple[Interval | None, ...]:
        """The intervals that hold these partitions.

        A step whose result depends on its interval is run by partition, so that a year at once
        gives what twelve months give.
        """
        if not partitions:
            return ()
        if WHOLE in partitions:
            return (None,)
        unit = _unit(self.node)
        if self.node.uses_clock:
            every = unit
        pieces: list[Interval | None] = []
        for joined in merge_partitions(partitions):
            if every is None:
                pieces.append(joined)
            else:
                widened = [piece.widen(unit or "day") for piece in joined.split(every)]
                pieces.extend(dict.fromkeys(widened))
        return tuple(pieces)


@dataclass
class Planner:
    """Plans steps of one graph; snapshots are taken anew for each step, as runs change tables."""

    settings: Settings
    graph: Graph
    interval: Interval | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False

    def parameters_of(self, node: StepNode) -> dict[str, Any]:
        """Those of the given parameters that the notebook has."""
        return {name: value for name, value in self.parameters.items() if name in node.parameters}

    def plan(
        self, steps: Sequence[StepNode], views: dict[Dataset, DatasetView] | None = None
    ) -> tuple[StepPlan, ...]:
        """Plan steps in the graph's order; say which wait for others.

        `views` gets the datasets as they were looked at.
        """
        chosen = {node.name for node in steps}
        views = {} if views is None else views
        plans: list[StepPlan] = []
        due: set[Dataset] = set()
        for node in self.graph.order():
            if node.name not in chosen:
                continue
            waits = sorted(str(up) for up in self.graph.upstream(node.name) if up in due)
            planned = self.plan_step(node, views, waits_for=tuple(waits))
            if planned.is_due or waits:
                due.add(node.name)
            plans.append(planned)
        return tuple(plans)

    def plan_step(
        self,
        node: StepNode,
        views: dict[Dataset, DatasetView] | None = None,
        *,
        waits_for: tuple[str, ...] = (),
    ) -> StepPlan:
        """Compare the fingerprint of each partition with its `fp/` token."""
        views = {} if views is None else views
        if is_appended(node):
            return self._plan_append(node, waits_for)
        interval = self.interval_of(node)
        making = Making.of(self.settings, node, self.parameters_of(node))
        static, inputs = making.static, self.inputs(node, views)
        failed = failed_partitions(self.settings, node.name)
        retained = Retained.of(node, lambda dataset: self.view(dataset, views))
        stale: dict[str, str] = {}
        fresh: list[str] = []
        kept: dict[str, str] = {}
        assert node.contract is not None
        for table in node.contract.tables:
            output = self.view(table.dataset, views, table)
            expired = deleted_partitions(output)
            aside = table_path(self.settings.lake, table.dataset.quarantine, env=self.settings.env)
            kept_out = open_snapshot(aside)
            for name in partitions_of(table, interval):
                if why := retained.why(name):
                    fresh.append(name)
                    kept[name] = why
                elif name in expired and not self.force:
                    fresh.append(name)
                    kept[name] = "retention deleted it"
                elif self.force:
                    stale.setdefault(name, "asked for by --force")
                elif name in failed:
                    stale.setdefault(name, "its last run failed")
                elif not making.made(output.holder(name).fp(name), name, inputs):
                    stale.setdefault(name, self._reason(node, output, name, making, inputs))
                elif damage := output.damage(name) or aside_damage(
                    kept_out, table, name, output.holder(name).fp(name)
                ):
                    stale.setdefault(name, damage)
                else:
                    fresh.append(name)
        return StepPlan(
            node=node,
            interval=interval,
            stale=tuple(sorted(stale)),
            fresh=tuple(name for name in dict.fromkeys(fresh) if name not in stale),
            reasons=stale,
            static=static,
            waits_for=waits_for,
            kept={name: why for name, why in kept.items() if name not in stale},
        )

    def _plan_append(self, node: StepNode, waits_for: tuple[str, ...]) -> StepPlan:
        """Due if a log holds more than was committed; nothing that was appended is made again.

        An environment has no such table of its own: it reads prod's.
        """
        static = static_parts(self.settings, node, self.parameters_of(node))
        assert node.contract is not None
        self.view(node.name, {}, node.contract.table(node.name))  # refused as its run would be
        found: list[str] = []
        if self.settings.env == PROD:
            tokens = open_snapshot(table_path(self.settings.lake, node.name)).tokens
            for uri in node.sources:
                log = open_source(uri, self.settings)
                more = waiting(log, read_offsets(uri, tokens)) if isinstance(log, LogSource) else 1
                if more:
                    found.append(f"{uri} has {more} new")
        reasons = {WHOLE: ", ".join(found)} if found else {}
        fresh = () if found else (WHOLE,)
        return StepPlan(node, None, tuple(reasons), fresh, reasons, static, waits_for)

    def interval_of(self, node: StepNode) -> Interval | None:
        """The interval widened to the step's partitions; None for a step without time."""
        unit = _unit(node)
        if unit is None:
            return None
        if self.interval is None:
            raise UserError(
                f"{node.name} is cut by {unit} and needs an interval",
                fix="add --start YYYY-MM-DD --end YYYY-MM-DD",
            )
        return self.interval.widen(unit)

    def inputs(self, node: StepNode, views: dict[Dataset, DatasetView]) -> tuple[InputTokens, ...]:
        """What the step reads, with the tokens of now. The same values as its run takes."""
        assert node.contract is not None
        reads = [
            DeclaredRead(read.dataset, read.before_days, read.after_days, read.whole)
            for read in node.reads
            if read.refresh != "forward"
        ]
        return declared_inputs(
            reads,
            node.sources,
            node.contract,
            view=lambda dataset: self.view(dataset, views),
            source=lambda uri: current_source(uri, self.settings),
        )

    def view(
        self,
        dataset: Dataset,
        views: dict[Dataset, DatasetView],
        contract: TableContract | None = None,
    ) -> DatasetView:
        """A dataset as it is now, or as it was first looked at for this plan."""
        if dataset not in views:
            found = contract or self._contract(dataset)
            views[dataset] = open_view(self.settings, found)
        return views[dataset]

    def _contract(self, dataset: Dataset) -> TableContract:
        contract = self.graph.producer(dataset).contract
        return contract.table(dataset) if contract else find_table(self.settings, dataset)

    def _reason(
        self,
        node: StepNode,
        output: DatasetView,
        name: str,
        making: Making,
        inputs: Sequence[InputTokens],
    ) -> str:
        if name not in output.data:
            return NEVER_MADE
        held = output.holder(name)
        # What the environment did not write itself is prod's, and prod noted of what it made it.
        is_prods = held is output.prod
        noted = replace(self.settings, env=PROD) if is_prods else self.settings
        made = read_making(noted, node.name).get(name)
        if made is None:
            return "made outside a run, or before its making was recorded"
        if is_prods and fingerprint_of_parts(made["static"], made["inputs"]) != held.fp(name):
            return REMADE
        now_static = making.by(int(made["static"].get("definition", 1)))
        changed = [part for part, value in now_static.items() if made["static"].get(part) != value]
        now = input_parts(name, inputs)
        before = made["inputs"]
        moved = sorted(key for key in {*now, *before} if now.get(key) != before.get(key))
        if moved:
            more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
            changed.append(f"data of {', '.join(moved[:3])}{more}")
        return f"changed: {', '.join(changed)}" if changed else "made by another run"


def is_appended(node: StepNode) -> bool:
    return node.contract is not None and any(t.write == "append" for t in node.contract.tables)


def read_making(settings: Settings, step: Dataset) -> dict[str, Any]:
    """Partition -> what its last run was made of. For people: staleness is decided by tokens."""
    path = making_path(settings, step)
    if not path.is_file():
        return {}
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def making_path(settings: Settings, step: Dataset) -> Any:
    return settings.lake / settings.env / "state" / "making" / f"{step}.json"


def _unit(node: StepNode) -> Unit | None:
    """The partition unit of a step; the coarsest where it writes several tables."""
    tables = node.contract.tables if node.contract else ()
    units = {t.time.unit for t in tables if t.time is not None and t.write != "append"}
    if not units:
        return None
    return "month" if "month" in units else "day"
