"""Pictures that several maintenance notebooks draw, on axes of Matplotlib that they bring."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

COLOURS = {"hot": "#D55E00", "warm": "#E69F00", "cold": "#56B4E9", "deleted": "#BBBBBB"}
"""Of tiers; told apart with any kind of colour vision, and in grey by their brightness."""


def tier_strip(axes: Axes, places: pl.DataFrame, title: str = "") -> None:
    """A strip of time for each dataset that is cut by it: every partition in its tier's colour.

    `places`: as `StatusCard.places` has them.
    """
    timed = places.drop_nulls("start")
    datasets = sorted(set(timed["dataset"].to_list()), reverse=True)
    for at, dataset in enumerate(datasets):
        own = timed.filter(timed["dataset"] == dataset)
        for tier, colour in COLOURS.items():
            here = own.filter(own["tier"] == tier)
            spans = [
                (start, timedelta(days=days))
                for start, days in zip(here["start"], here["days"], strict=True)
            ]
            if spans:
                axes.broken_barh(spans, (at - 0.38, 0.76), facecolor=colour)  # type: ignore[arg-type]
    axes.set_yticks(range(len(datasets)), datasets)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if not datasets:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "no partition of a time yet", ha="center", transform=axes.transAxes)


def tier_legend(axes: Axes, places: pl.DataFrame) -> None:
    """Names the colours of those tiers that occur."""
    from matplotlib.patches import Patch

    found = set(places["tier"].to_list())
    axes.legend(
        handles=[Patch(color=c, label=tier) for tier, c in COLOURS.items() if tier in found],
        loc="lower left",
        bbox_to_anchor=(0, 1.12),
        ncols=len(COLOURS),
        frameon=False,
    )
