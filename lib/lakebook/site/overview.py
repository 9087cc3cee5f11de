"""What the first pages show, as data: what needs attention, the steps, the graph, the datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cards.words import count, interval, plural
from . import graph_picture
from .catalog import Catalog
from .graph_picture import Node
from .store import Run, Store

RECENT = 40


def index_view(store: Store, catalog: Catalog) -> dict[str, Any]:
    """The names that templates/index.html uses; the runs themselves come as data files."""
    last = {step: store.newest(step)[0] for step in store.steps()}
    return {
        "attention": _attention(store, catalog, last),
        "aside": [run for run in last.values() if run.status == "ok" and run.row["aside"]],
        "warned": [
            run
            for run in last.values()
            if run.status == "ok" and run.row["warn"] and not run.row["aside"]
        ],
        "total": store.count(),
        "steps": steps_data(store, catalog),
        "segments": store.segments(),
        "owners": sorted({o for s in last if (o := catalog.owner(s))}),
        "tags": sorted({tag for s in last for tag in catalog.tags(s)}),
        "recent": sorted(
            (run for step in last for run in store.newest(step, 5)), key=lambda r: r.key
        )[::-1][:RECENT],
        "problem": catalog.problem,
    }


def _attention(store: Store, catalog: Catalog, last: Mapping[str, Run]) -> list[dict[str, Any]]:
    """Steps whose newest run did not end well, with since when and what waits below."""
    shown = []
    for step, run in last.items():
        if run.status == "ok":
            continue
        good = next(iter(store.newest(step, good=True)), None)
        shown.append(
            {
                "run": run,
                "good": good,
                "owner": catalog.owner(step),
                "below": _all_below(catalog, step),
            }
        )
    return sorted(shown, key=lambda one: one["run"].key, reverse=True)


def _all_below(catalog: Catalog, step: str) -> list[str]:
    seen: dict[str, None] = {}
    todo = [step]
    while todo:
        for name in catalog.below(todo.pop(0)):
            if name not in seen:
                seen[name] = None
                todo.append(name)
    return list(seen)


def steps_data(store: Store, catalog: Catalog) -> list[dict[str, Any]]:
    """Steps in the order of the graph; those that only the archive knows stand at the end."""
    known = [str(node.name) for node in catalog.graph.order()] if catalog.graph else []
    ran = set(store.steps())
    names = [*known, *sorted(ran - set(known))]
    order = {"bronze": 0, "silver": 1, "gold": 2}
    names.sort(key=lambda name: order.get(name.split(".")[0], 3))  # stable: the graph's order
    return [
        {
            "name": name,
            "layer": name.split(".")[0],
            "owner": catalog.owner(name),
            "tags": catalog.tags(name),
            "page": name if name in catalog.tables else "",
        }
        for name in names
        if name in ran or name in known
    ]


def graph_view(store: Store, catalog: Catalog) -> dict[str, Any]:
    """The names that templates/graph.html uses."""
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    rows: list[dict[str, Any]] = []
    order = catalog.graph.order() if catalog.graph else ()
    for node in order:
        name = str(node.name)
        run = next(iter(store.newest(name)), None)
        state, note = _state(run)
        page = next(
            (str(o) for o in node.outputs if str(o) == name), str(next(iter(node.outputs), ""))
        )
        nodes[name] = Node(name, node.name.layer, note, state, f"datasets/{page}.html")
        for uri in node.sources:
            nodes[uri] = Node(uri, "source", _kind(uri), "none")
            edges.append((uri, name))
        assert catalog.graph is not None
        reads = sorted({str(catalog.graph.producer(r.dataset).name) for r in node.reads})
        edges += [(read, name) for read in reads if read != name]
        rows.append(
            {
                "name": name,
                "page": page,
                "run": run,
                "state": state,
                "reads": [*reads, *node.sources],
                "outputs": [str(o) for o in node.outputs],
            }
        )
    short = {uri: _short(uri) for uri, n in nodes.items() if n.group == "source"}
    shown = [
        Node(short.get(n.name, n.name), n.group, n.note, n.state, n.href) for n in nodes.values()
    ]
    lines = [(short.get(a, a), short.get(b, b)) for a, b in edges]
    return {
        "picture": graph_picture.draw(shown, lines) if shown else "",
        "rows": rows,
        "problem": catalog.problem,
    }


def _state(run: Run | None) -> tuple[str, str]:
    if run is None:
        return "none", "never run"
    if run.status != "ok":
        return run.status, run.status
    rows = f"{count(run.row['rows'])} rows"
    if run.row["aside"]:
        return "aside", f"{rows}, {run.row['aside']:,} set aside"
    return (
        ("warn", f"{rows}, {plural(run.row['warn'], 'warning')}")
        if run.row["warn"]
        else ("ok", rows)
    )


def _kind(uri: str) -> str:
    return uri.split("://")[0] if "://" in uri else "source"


def _short(uri: str) -> str:
    return uri.rsplit("/", 1)[-1] or uri


def datasets_view(store: Store, catalog: Catalog) -> dict[str, Any]:
    """The names that templates/datasets.html uses."""
    rows = []
    for name, table in catalog.tables.items():
        step = catalog.producer(name)
        run = next(iter(store.newest(step)), None)
        state, _ = _state(run)
        points = store.points(name, "rows", "", limit=1)
        rows.append(
            {
                "name": name,
                "table": table,
                "step": step,
                "run": run,
                "state": state,
                "rows": points[-1].value if points else None,
                "covers": interval(run.row["start"], run.row["end"]) if run else "",
                "owner": table.owner or catalog.owner(step),
            }
        )
    order = {"bronze": 0, "silver": 1, "gold": 2}
    rows.sort(key=lambda row: (order.get(str(row["name"]).split(".")[0], 3), row["name"]))
    return {"rows": rows, "problem": catalog.problem}
