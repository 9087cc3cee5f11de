"""The medallion as a picture: sources at the left, gold at the right, each node a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from ..cards.words import MARKS

WIDE, HIGH, GAP_X, GAP_Y, TOP = 158, 46, 46, 16, 34


@dataclass(frozen=True)
class Node:
    """A box: its name, the line below it, its state (a class) and where it leads."""

    name: str
    group: str  # source | bronze | silver | gold
    note: str = ""
    state: str = "none"
    href: str = ""


@dataclass(frozen=True)
class Place:
    x: float
    y: float


def layout(
    nodes: Sequence[Node], edges: Sequence[tuple[str, str]]
) -> tuple[dict[str, Place], list[tuple[str, float]], float, float]:
    """Places of nodes, (group, x) of column heads, width and height. Columns follow the edges."""
    above: dict[str, list[str]] = {node.name: [] for node in nodes}
    for source, target in edges:
        if source in above and target in above:
            above[target].append(source)
    order = ["source", "bronze", "silver", "gold"]
    group = {node.name: node.group for node in nodes}
    columns: dict[tuple[int, int], list[Node]] = {}
    for node in nodes:
        own = order.index(node.group) if node.group in order else len(order)
        inner = _within(node.name, group, above)
        columns.setdefault((own, inner), []).append(node)
    places: dict[str, Place] = {}
    heads: list[tuple[str, float]] = []
    tallest = max((len(column) for column in columns.values()), default=0)
    for at, key in enumerate(sorted(columns)):
        column = columns[key]
        column.sort(key=lambda n: (_middle(above[n.name], places), n.name))
        x = at * (WIDE + GAP_X)
        if key[1] == 0:
            heads.append((column[0].group, x))
        free = (tallest - len(column)) * (HIGH + GAP_Y) / 2
        for row, node in enumerate(column):
            places[node.name] = Place(x, TOP + free + row * (HIGH + GAP_Y))
    width = len(columns) * (WIDE + GAP_X) - GAP_X
    return places, heads, max(width, WIDE), TOP + tallest * (HIGH + GAP_Y)


def _within(name: str, group: Mapping[str, str], above: Mapping[str, Sequence[str]]) -> int:
    """How many nodes of the same layer stand one after another before this one."""
    same = [up for up in above[name] if group[up] == group[name]]
    return max((_within(up, group, above) + 1 for up in same), default=0)


def _middle(above: Sequence[str], places: Mapping[str, Place]) -> float:
    known = [places[name].y for name in above if name in places]
    return sum(known) / len(known) if known else 0.0


def draw(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> Markup:
    """The picture as SVG; its words are also in the table that follows it on the page."""
    places, heads, width, height = layout(nodes, edges)
    lines = "".join(
        _edge(places[a], places[b], a, b) for a, b in edges if a in places and b in places
    )
    boxes = "".join(_box(node, places[node.name]) for node in nodes)
    titles = "".join(f'<text class="head" x="{x + 2}" y="16">{escape(g)}</text>' for g, x in heads)
    return Markup(
        f'<svg class="graph" role="group" aria-label="Steps from sources to gold" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="-2 0 {width + 4:.0f} {height:.0f}">'
        f"{titles}{lines}{boxes}</svg>"
    )


def _edge(a: Place, b: Place, source: str, target: str) -> str:
    x1, y1, x2, y2 = a.x + WIDE, a.y + HIGH / 2, b.x, b.y + HIGH / 2
    bend = max(24.0, (x2 - x1) / 2)
    way = f"C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    return (
        f'<path class="edge" data-from="{escape(source)}" data-to="{escape(target)}" '
        f'd="M{x1:.0f} {y1:.0f}{way}"/>'
    )


def _box(node: Node, place: Place) -> str:
    name = node.name.split(".", 1)[1] if node.group != "source" else node.name
    if len(name) > 19:
        name = f"…{name[-18:]}"
    mark = MARKS.get(node.state, "") if node.group != "source" else ""
    x = f"{place.x + 12:.0f}"
    body = (
        f"<title>{escape(node.name)}: {escape(node.state)}; {escape(node.note)}</title>"
        f'<rect x="{place.x:.0f}" y="{place.y:.0f}" width="{WIDE}" height="{HIGH}" rx="7"/>'
        f'<text class="name" x="{x}" y="{place.y + 19:.0f}">{escape(name)}</text>'
        f'<text class="note" x="{x}" y="{place.y + 35:.0f}">{escape(node.note)}</text>'
        f'<text class="mark" x="{place.x + WIDE - 12:.0f}" y="{place.y + 20:.0f}" '
        f'text-anchor="end">{mark}</text>'
    )
    kind = f'class="node {node.group} {node.state}" data-name="{escape(node.name)}"'
    if not node.href:
        return f"<g {kind}>{body}</g>"
    return f'<a {kind} href="{escape(node.href, quote=True)}">{body}</a>'
