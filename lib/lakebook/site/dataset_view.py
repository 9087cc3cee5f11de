"""What a dataset's page shows, as data: promise, freshness, versions, rows, quality, lineage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ..cards.charts import sparkline
from ..contract.model import TableContract
from ..errors import LakebookError
from ..intervals import NULL, WHOLE, partition_interval
from ..step.view import DatasetView, look_at
from ..tiers.policy import policy_of
from ..zones import zone_named
from . import lineage_picture
from .catalog import HIDDEN, Catalog
from .charts import row_bars
from .scan import epoch
from .store import Point, Store
from .tier_view import TierShare, tier_shares, tier_strip
from .words import promise

VERSIONS = 20
RUNS_JUDGED = 1000


def dataset_view(store: Store, catalog: Catalog, dataset: str) -> dict[str, Any]:
    """The names that templates/dataset.html uses, for a dataset that a contract promises."""
    table = catalog.tables[dataset]
    step = catalog.producer(dataset)
    rows = store.points(dataset, "rows", "", limit=60)
    newest = store.newest(step)
    view, problem = _view(catalog, table)
    shares, damage = _shares(view)
    return {
        "dataset": dataset,
        "table": table,
        "step": step,
        "owner": table.owner or catalog.owner(step),
        "promise": promise(table, policy_of(catalog.settings, table)),
        "last": newest[0] if newest else None,
        "good": next(iter(store.newest(step, good=True)), None),
        "exists": view is not None and view.exists,
        "rows": sum(s.rows for s in shares) if view and view.exists and not damage else None,
        "version": view.own.version if view and view.exists else None,
        "files": sum(share.files for share in shares),
        "size_bytes": sum(share.size_bytes for share in shares),
        "tiers": shares if any(share.tier != "hot" for share in shares) else (),
        "strip": tier_strip(view) if view else "",
        "partitions": view.partitions if view else (),
        "problem": problem or damage,
        "freshness": freshness(table, view, store, step),
        "bars": row_bars(rows),
        "history": list(reversed(rows))[:VERSIONS],
        "quarantined": [p for p in reversed(rows) if p.detail.get("quarantined")][:VERSIONS],
        "checks": _checks(store, table),
        "hidden": HIDDEN,
        "picture": _picture(catalog, table),
        "opaque": catalog.lineage.opaque.get(dataset, ""),
        "followed": step in {one.step for one in catalog.lineage.steps},
        "above": catalog.above(step),
        "below": catalog.below(step),
        "source": f"notebooks/{table.path.parent.name}/{table.path.name}",
    }


def _view(catalog: Catalog, table: TableContract) -> tuple[DatasetView | None, str]:
    try:
        return look_at(catalog.settings, table), ""
    except LakebookError as broken:  # a damaged table is shown as that, with everything else
        return None, broken.sentence


def _shares(view: DatasetView | None) -> tuple[tuple[TierShare, ...], str]:
    try:
        return tier_shares(view) if view else (), ""
    except LakebookError as damaged:  # an archive; the rest of the page is right
        return (), damaged.sentence


def freshness(
    table: TableContract, view: DatasetView | None, store: Store, step: str
) -> dict[str, Any]:
    """When the newest data ends and until when the next is promised (seconds since 1970).

    The browser compares it with its clock: a page that was built yesterday must not call data
    fresh today. Of a dataset that no run ever brought in time, nothing is due: it is history.
    """
    names = [] if view is None else [p for p in view.partitions if p not in (WHOLE, NULL)]
    hours = table.sla.freshness_hours
    if names and table.time:
        last = partition_interval(names[-1])
        ends = _midnight(last.end, table)
        said = (last.end - timedelta(days=1)).isoformat()
        length = last.end - last.start
    else:
        good = store.newest(step, good=True)
        if not good:
            return {"until": "", "due": None, "history": False}
        ends = datetime.fromtimestamp(epoch(good[0].began), UTC)
        said, length = good[0].began[:10], timedelta(days=1)
    if hours is None:
        return {"until": said, "due": None, "history": False}
    history = bool(table.time) and not any(
        _came_in_time(point, table, hours)
        for point in store.points(str(table.dataset), "rows", "", limit=RUNS_JUDGED)
    )
    # The next interval must be there `hours` after its own end.
    due = int((ends + length + timedelta(hours=hours)).timestamp())
    return {"until": said, "due": None if history else due, "history": history}


def _came_in_time(point: Point, table: TableContract, hours: float) -> bool:
    """Whether a run published its interval within the promise, by the run's own clock."""
    if not point.detail.get("end"):
        return False
    ended = _midnight(date.fromisoformat(point.detail["end"]), table).timestamp()
    return 0 <= epoch(point.began) - ended <= hours * 3600


def _midnight(day: date, table: TableContract) -> datetime:
    assert table.time is not None
    return datetime.combine(day, datetime.min.time(), zone_named(table.time.zone or "UTC"))


def _checks(store: Store, table: TableContract) -> list[dict[str, Any]]:
    shown = []
    dataset = str(table.dataset)
    rules = {rule.name: rule for rule in table.rules}
    references = {relation.name: relation for relation in table.relationships}
    for name in [*rules, *references]:
        past = store.points(dataset, "check", name)
        rule = rules.get(name) or references[name]
        reference = references.get(name)
        column = ", ".join(reference.columns) if reference else rule.column
        shown.append(
            {
                "name": name,
                "column": column or "",
                "action": rule.action,
                "reason": rule.reason,
                "last": past[-1] if past else None,
                "broken": sum(not p.good for p in past),
                "runs": len(past),
                "history": sparkline(past) if past else "",
            }
        )
    return sorted(shown, key=lambda c: (c["last"] is None or c["last"].good, c["name"]))


def _picture(catalog: Catalog, table: TableContract) -> Any:
    edges, tables = list(catalog.lineage.columns), list(catalog.lineage.tables)
    if catalog.graph:
        # Where a step's check is not remembered, the code still says which tables it reads.
        checked = {one.step for one in catalog.lineage.steps}
        for node in catalog.graph.steps.values():
            if str(node.name) not in checked:
                reads = [*(str(read.dataset) for read in node.reads), *node.sources]
                tables += [(read, str(out)) for out in node.outputs for read in reads]
    return lineage_picture.draw(str(table.dataset), table.names, edges, tables)
