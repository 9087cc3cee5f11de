"""Which partitions of which steps are stale, and why. Reads logs and digests; never data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..contract.time import partitions_of
from ..errors import UserError
from ..graph import Graph, StepNode
from ..ingest import open_source
from ..intervals import WHOLE, Interval, Unit, merge_partitions
from ..names import Dataset
from ..settings import Settings
from ..step.fingerprint import InputTokens, input_parts, partition_fingerprint
from ..step.lake import source_tokens
from ..step.view import DatasetView, open_view
from .failures import failed_partitions
from .static import static_parts


@dataclass(frozen=True)
class StepPlan:
    """`stale` and `fresh` are names of partitions; `reasons` says why a partition is stale."""

    node: StepNode
    interval: Interval | None
    stale: tuple[str, ...]
    fresh: tuple[str, ...]
    reasons: Mapping[str, str]
    static: Mapping[str, str]
    waits_for: tuple[str, ...] = ()  # stale steps above: what they give may make more stale

    @property
    def is_due(self) -> bool:
        return bool(self.stale)

    def pieces(self, every: Unit | None = None) -> tuple[Interval | None, ...]:
        """The intervals to run: the fewest that hold the stale partitions, or one per `every`."""
        if not self.stale:
            return ()
        if WHOLE in self.stale:
            return (None,)
        unit = _unit(self.node)
        pieces: list[Interval | None] = []
        for joined in merge_partitions(self.stale):
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

    def plan(self, steps: Sequence[StepNode]) -> tuple[StepPlan, ...]:
        """Plan steps in the graph's order; say which wait for others."""
        chosen = {node.name for node in steps}
        views: dict[Dataset, DatasetView] = {}
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
        interval = self.interval_of(node)
        static = static_parts(self.settings, node, self.parameters)
        inputs = self.inputs(node, views)
        failed = failed_partitions(self.settings, node.name)
        stale: dict[str, str] = {}
        fresh: list[str] = []
        assert node.contract is not None
        for table in node.contract.tables:
            output = self._view(table.dataset, views, table)
            for name in partitions_of(table, interval):
                wanted = partition_fingerprint(static, name, inputs)
                if self.force:
                    stale.setdefault(name, "asked for by --force")
                elif name in failed:
                    stale.setdefault(name, "its last run failed")
                elif output.holder(name).fp(name) != wanted:
                    stale.setdefault(name, self._reason(node, output, name, static, inputs))
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
        )

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
        """What the step reads, with the tokens of now. The same values as `step.lake` records."""
        found: list[InputTokens] = []
        has_time = _unit(node) is not None
        for read in node.reads:
            if read.refresh == "forward" or read.dataset in node.outputs:
                continue
            view = self._view(read.dataset, views)
            time = view.contract.time
            found.append(
                InputTokens(
                    str(read.dataset),
                    time.unit if time else None,
                    view.data,
                    read.before_days,
                    read.after_days,
                    read.whole or not has_time,
                )
            )
        for uri in node.sources:
            version = open_source(uri, self.settings).version()
            found.append(source_tokens(uri, version.digest))
        assert node.contract is not None
        for table in node.contract.tables:
            for relation in table.relationships:
                if relation.action != "warn":
                    view = self._view(relation.to_dataset, views)
                    unit = view.contract.time.unit if view.contract.time else None
                    found.append(InputTokens(str(relation.to_dataset), unit, view.data, whole=True))
        return tuple(found)

    def _view(
        self,
        dataset: Dataset,
        views: dict[Dataset, DatasetView],
        contract: TableContract | None = None,
    ) -> DatasetView:
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
        static: Mapping[str, str],
        inputs: Sequence[InputTokens],
    ) -> str:
        if name not in output.data:
            return "never made"
        made = read_making(self.settings, node.name).get(name)
        if made is None:
            return "made outside a run, or before its making was recorded"
        changed = [part for part, value in static.items() if made["static"].get(part) != value]
        now = input_parts(name, inputs)
        before = made["inputs"]
        moved = sorted(key for key in {*now, *before} if now.get(key) != before.get(key))
        if moved:
            more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
            changed.append(f"data of {', '.join(moved[:3])}{more}")
        return f"changed: {', '.join(changed)}" if changed else "made by another run"


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
    units = {table.time.unit for table in tables if table.time is not None}
    if not units:
        return None
    return "month" if "month" in units else "day"
