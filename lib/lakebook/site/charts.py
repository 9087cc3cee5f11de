"""Small pictures as inline SVG: bars of rows, a bar of shares. Those of cards are `cards.charts`.

Sizes stand in attributes and colours in classes, since the pages allow no inline style.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from markupsafe import Markup

from .store import Point


def row_bars(points: Sequence[Point], width: int = 720, height: int = 150) -> Markup:
    """Rows of each run, published below and quarantined on top, oldest left."""
    if not points:
        return Markup("")
    totals = [((p.value or 0), int(p.detail.get("quarantined") or 0), p) for p in points]
    top = max((rows + aside for rows, aside, _ in totals), default=1) or 1
    slot = min(48.0, (width - 60) / len(points))
    foot, head = height - 20, 12
    bars = []
    for at, (rows, aside, point) in enumerate(totals):
        x = 56 + at * slot
        h = (rows / top) * (foot - head)
        q = (aside / top) * (foot - head)
        if aside:
            q = max(q, 2)
        said = f"{_day(point)}: {rows:,.0f} rows published, {aside:,} quarantined"
        bars.append(
            f'<a href="../runs/{escape(point.run_id)}.html" aria-label="{escape(said)}">'
            f"<title>{escape(said)}</title>"
            f'<rect class="hit" x="{x:.1f}" y="{head}" width="{slot:.1f}" height="{foot - head}"/>'
            f'<rect class="rows" x="{x + 1:.1f}" y="{foot - h:.1f}" '
            f'width="{max(1, slot - 3):.1f}" height="{h:.1f}"/>'
            f'<rect class="aside" x="{x + 1:.1f}" y="{foot - h - q:.1f}" '
            f'width="{max(1, slot - 3):.1f}" height="{q:.1f}"/></a>'
        )
    first, last = _day(points[0]), _day(points[-1])
    end = 56 + len(points) * slot
    ends = (
        f'<text x="{end:.0f}" y="{height - 5}" text-anchor="end">{last}</text>'
        if len(points) > 3
        else ""
    )
    return Markup(
        f'<svg class="bars" viewBox="0 0 {width} {height}" role="group" '
        f'aria-label="rows of the last {len(points)} runs">'
        f'<line x1="50" x2="{width}" y1="{foot}" y2="{foot}"/>'
        f'<line class="faint" x1="50" x2="{width}" y1="{head}" y2="{head}"/>'
        f'<text x="46" y="{head + 4}" text-anchor="end">{_short(top)}</text>'
        f'<text x="46" y="{foot + 4}" text-anchor="end">0</text>{"".join(bars)}'
        f'<text x="56" y="{height - 5}">{first}</text>{ends}</svg>'
    )


def shares(parts: Sequence[tuple[str, float]], width: int = 400, height: int = 10) -> Markup:
    """A bar cut into named shares, in the order given; `parts` are (class, amount)."""
    whole = sum(amount for _, amount in parts) or 1
    at, rects = 0.0, []
    for kind, amount in parts:
        wide = width * amount / whole
        if amount and wide < 2:
            wide = 2
        rects.append(f'<rect class="{kind}" x="{at:.1f}" width="{wide:.1f}" height="{height}"/>')
        at += wide
    return Markup(
        f'<svg class="shares" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(rects)}</svg>'
    )


def _day(point: Point) -> str:
    try:
        return datetime.fromisoformat(point.began).strftime("%-d %b")
    except ValueError:
        return escape(point.began[:10])


def _short(value: float) -> str:
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{sign}"
    return f"{value:.0f}"
