"""Column lineage of a dataset as a picture: what its columns are made of, and what is made of them.

Three columns of tables; a line joins two columns, and every name leads to its own dataset's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from markupsafe import Markup

from ..lineage import ColumnEdge

ROW, HEAD, GAP, WIDE, SPACE = 20, 28, 16, 232, 130


@dataclass
class _Table:
    name: str
    columns: list[str] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return HEAD + ROW * len(self.columns) + 6

    def middle(self, column: str) -> float:
        if column not in self.columns:
            return self.y + HEAD / 2
        return self.y + HEAD + ROW * self.columns.index(column) + ROW / 2


def draw(
    dataset: str,
    columns: Sequence[str],
    edges: Iterable[ColumnEdge],
    tables: Iterable[tuple[str, str]],
) -> Markup:
    """SVG of the edges into and out of a dataset; without known columns, tables join by head."""
    around = [e for e in edges if dataset in (e.source, e.target) and e.source != e.target]
    near = [(a, b) for a, b in tables if dataset in (a, b) and a != b]
    centre = _Table(dataset, list(columns))
    left = _side([(e.source, e.source_column) for e in around if e.target == dataset])
    right = _side([(e.target, e.target_column) for e in around if e.source == dataset])
    for source, target in near:
        tables_of, name = (left, source) if target == dataset else (right, target)
        tables_of.setdefault(name, _Table(name))
    if not left and not right:
        return Markup("")
    sides = [list(left.values()), [centre], list(right.values())]
    shown = [side for side in sides if side]
    height = max(sum(t.height + GAP for t in side) for side in shown)
    for at, side in enumerate(shown):
        y = (height - sum(t.height + GAP for t in side)) / 2
        for table in side:
            table.x, table.y = at * (WIDE + SPACE), y
            y += table.height + GAP
    lines = [
        _line(left[e.source], e.source_column, centre, e.target_column, e)
        for e in around
        if e.target == dataset
    ]
    lines += [
        _line(centre, e.source_column, right[e.target], e.target_column, e)
        for e in around
        if e.source == dataset
    ]
    joined = {(e.source, e.target) for e in around}
    for source, target in near:
        if (source, target) not in joined:
            ends = (left[source], centre) if target == dataset else (centre, right[target])
            lines.append(_line(ends[0], "", ends[1], "", None))
    width = len(shown) * (WIDE + SPACE) - SPACE
    boxes = "".join(_box(table, dataset) for side in shown for table in side)
    return Markup(
        f'<svg class="lineage" role="group" aria-label="Column lineage of {escape(dataset)}" '
        f'width="{width}" height="{height:.0f}" viewBox="-2 -2 {width + 4} {height + 4:.0f}">'
        f"{''.join(lines)}{boxes}</svg>"
    )


def _side(pairs: Iterable[tuple[str, str]]) -> dict[str, _Table]:
    side: dict[str, _Table] = {}
    for name, column in pairs:
        table = side.setdefault(name, _Table(name))
        if column not in table.columns:
            table.columns.append(column)
    return side


def _line(a: _Table, column: str, b: _Table, other: str, edge: ColumnEdge | None) -> str:
    x1, y1, x2, y2 = a.x + WIDE, a.middle(column), b.x, b.middle(other)
    kind = "table" if edge is None else "copy" if edge.is_copy else "made"
    return (
        f'<path class="edge {kind}" data-from="{_key(a.name, column)}" '
        f'data-to="{_key(b.name, other)}" d="M{x1:.0f} {y1:.0f}C{x1 + 60:.0f} {y1:.0f} '
        f'{x2 - 60:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )


def _box(table: _Table, own: str) -> str:
    here = table.name == own
    source = "://" in table.name
    page = "" if source else f"{table.name}.html"
    rows = []
    for column in table.columns:
        y = table.middle(column) + 4
        text = (
            f'<text class="column" x="{table.x + 12:.0f}" y="{y:.0f}">{escape(_cut(column))}</text>'
        )
        href = f"#column-{column}" if here else f"{page}#column-{column}"
        rows.append(
            f'<g class="port" data-key="{_key(table.name, column)}">{text}</g>'
            if source
            else f'<a class="port" data-key="{_key(table.name, column)}" href="{escape(href)}">'
            f'<rect class="hit" x="{table.x:.0f}" y="{y - 14:.0f}" width="{WIDE}" height="{ROW}"/>'
            f"{text}</a>"
        )
    title = (
        f'<text class="name" x="{table.x + 12:.0f}" y="{table.y + 19:.0f}">'
        f"{escape(_cut(table.name.rsplit('/', 1)[-1] if source else table.name))}</text>"
    )
    head = title if here or source else f'<a href="{escape(page)}">{title}</a>'
    return (
        f'<g class="table{" own" if here else ""}"><title>{escape(table.name)}</title>'
        f'<rect x="{table.x:.0f}" y="{table.y:.0f}" width="{WIDE}" height="{table.height:.0f}" '
        f'rx="7"/>{head}{"".join(rows)}</g>'
    )


def _key(table: str, column: str) -> str:
    return escape(f"{table}#{column}", quote=True)


def _cut(text: str) -> str:
    return text if len(text) <= 29 else f"{text[:28]}…"
