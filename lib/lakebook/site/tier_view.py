"""Where the partitions of a dataset lie, for its page: figures by tier and a picture over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from markupsafe import Markup

from ..delta.place import TIERS, Tier
from ..intervals import NULL, WHOLE, Interval, partition_interval
from ..step.cold import spans_text
from ..step.view import DatasetView

_HEIGHTS = {"hot": 28, "warm": 18, "cold": 9, "deleted": 2}
"""Told apart by their height: colour alone says nothing to some."""

_WIDTH, _FOOT = 720, 34


@dataclass(frozen=True)
class TierShare:
    """What a tier holds of a dataset; in cold, as its archives say. `days`: in words."""

    tier: Tier
    partitions: int
    days: str
    files: int
    rows: int
    size_bytes: int


def tier_shares(view: DatasetView) -> tuple[TierShare, ...]:
    """A share for each tier that has a partition. StorageError for a damaged archive."""
    shares = []
    for tier in TIERS:
        if names := [name for name in view.partitions if view.tier(name) == tier]:
            shares.append(_share(view, tier, names))
    return tuple(shares)


def _share(view: DatasetView, tier: Tier, names: Sequence[str]) -> TierShare:
    timed = [name for name in names if name not in (WHOLE, NULL)]
    days = spans_text(timed) if timed else ""
    if tier == "cold":
        archives = view.archived(names).values()
        files = sum(len(one.files) for one in archives)
        size = sum(one.size_bytes for one in archives)
        return TierShare(tier, len(names), days, files, sum(a.rows for a in archives), size)
    held = [file for name in names for file in view.holder(name).files_in([name])]
    rows, size = sum(file.rows for file in held), sum(file.size_bytes for file in held)
    return TierShare(tier, len(names), days, len(held), rows, size)


def tier_strip(view: DatasetView) -> Markup:
    """Stretches of days by their tier, oldest left; empty where all that has a time is hot."""
    stretches = [
        (tier, Interval(partition_interval(names[0]).start, partition_interval(names[-1]).end))
        for tier, names in _stretches(view)
    ]
    if all(tier == "hot" for tier, _ in stretches):
        return Markup("")
    first, end = stretches[0][1].start, stretches[-1][1].end
    scale = _WIDTH / (end - first).days
    rects = []
    for tier, span in stretches:
        x, width = (span.start - first).days * scale, max(span.days * scale, 1.5)
        high = _HEIGHTS[tier]
        rects.append(
            f'<rect class="{tier}" x="{x:.1f}" y="{_FOOT - high}" width="{width:.1f}" '
            f'height="{high}"><title>{escape(_said(tier, span))}</title></rect>'
        )
    label = "; ".join(_said(tier, span) for tier, span in stretches[:12])
    more = f"; and {len(stretches) - 12} stretches more" if len(stretches) > 12 else ""
    return Markup(
        f'<svg class="tiers" viewBox="0 0 {_WIDTH} 52" role="img" '
        f'aria-label="{escape(f"where the days lie: {label}{more}")}">{"".join(rects)}'
        f'<line x1="0" x2="{_WIDTH}" y1="{_FOOT}" y2="{_FOOT}"/>'
        f'<text x="0" y="48">{first}</text>'
        f'<text x="{_WIDTH}" y="48" text-anchor="end">{_last(Interval(first, end))}</text></svg>'
    )


def _stretches(view: DatasetView) -> list[tuple[Tier, list[str]]]:
    timed = [name for name in view.partitions if name not in (WHOLE, NULL)]
    return [(tier, list(names)) for tier, names in groupby(timed, view.tier)]


def _said(tier: Tier, span: Interval) -> str:
    last = _last(span)
    return f"{tier} {span.start}" if str(span.start) == last else f"{tier} {span.start} to {last}"


def _last(span: Interval) -> str:
    return span.end.fromordinal(span.end.toordinal() - 1).isoformat()
