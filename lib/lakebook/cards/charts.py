"""Small pictures of a card: a line of history, a histogram, a bar of shares.

Each is an SVG inside an `<img>`: it can run nothing, passes the sanitizer of reports as it is, and
has its meaning as text in `alt`. Colours are strong enough on white and on black, since a picture
does not know the theme around it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Protocol

from markupsafe import Markup

LINE, NOW, BAD, WARN, ASIDE = "#6d93d8", "#4a80e0", "#d8503f", "#b37a16", "#9068d8"
GOOD, REST = "#3d9a63", "#8a94a0"


class Past(Protocol):
    """A figure of an earlier run: how many rows broke a rule, and whether it held."""

    @property
    def value(self) -> float | None: ...

    @property
    def good(self) -> bool: ...


def sparkline(
    points: Sequence[Past], *, broken: str = BAD, width: int = 120, height: int = 26
) -> Markup:
    """History of a check, oldest left: how many rows broke it, a mark where it did not hold."""
    if len(points) < 2:
        return Markup('<span class="lb-dim">first run</span>')
    values = [p.value or 0 for p in points]
    top, low = max(values), min(0, *values)
    span = (top - low) or 1
    step = (width - 8) / (len(points) - 1)
    places = [
        (4 + at * step, height - 4 - (value - low) / span * (height - 8))
        for at, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 if p.good else 3}" '
        f'fill="{NOW if p.good else broken}"/>'
        for (x, y), p in zip(places, points, strict=True)
        if not p.good or p is points[-1]
    )
    failed = sum(not p.good for p in points)
    said = f"last {len(points)} runs: did not hold in {failed}; now {values[-1]:g}, most {top:g}"
    drawn = f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="1.6"/>{marks}'
    return _image("lb-spark", drawn, said, width, height)


def histogram(counts: Sequence[int], said: str, *, width: int = 120, height: int = 26) -> Markup:
    """Bars of equal width from the smallest value to the largest; `said` is their meaning."""
    if not counts or not any(counts):
        return Markup("")
    wide, top = width / len(counts), max(counts)
    bars = []
    for at, count in enumerate(counts):
        tall = 0.0 if not count else max(1.0, count / top * (height - 2))
        bars.append(
            f'<rect x="{at * wide:.1f}" y="{height - tall:.1f}" width="{max(0.8, wide - 0.6):.1f}" '
            f'height="{tall:.1f}"/>'
        )
    drawn = f'<g fill="{LINE}">{"".join(bars)}</g>'
    return _image("lb-spark", drawn, said, width, height)


def shares(parts: Sequence[tuple[str, float]], said: str = "") -> Markup:
    """A bar as wide as its place, cut into shares; `parts` are (colour, amount)."""
    whole = sum(amount for _, amount in parts)
    at, rects = 0.0, []
    for colour, amount in parts:
        wide = 400 * amount / whole if whole else 0
        wide = max(wide, 2.0) if amount else 0.0  # one row in a million is still seen
        if wide:
            rects.append(f'<rect x="{at:.1f}" width="{wide:.1f}" height="10" fill="{colour}"/>')
        at += wide
    return _image("lb-bar", "".join(rects), said, 400, 10, stretch=True)


def _image(
    kind: str, drawn: str, said: str, width: int, height: int, *, stretch: bool = False
) -> Markup:
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"{ratio}>{drawn}</svg>'
    )
    coded = base64.b64encode(svg.encode()).decode()
    title = f' title="{escape(said)}"' if said else ""
    return Markup(
        f'<img class="{kind}" alt="{escape(said)}"{title} width="{width}" height="{height}" '
        f'src="data:image/svg+xml;base64,{coded}">'
    )
