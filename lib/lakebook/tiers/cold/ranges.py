"""Value ranges of several Parquet files taken together, from their statistics in the log's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .manifest import ValueRange


def merge_stats(
    stats: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, ValueRange], dict[str, int]]:
    """Ranges and null counts by column over files, of `delta.stats.file_stats` of each.

    A column gets a range only if every file with a value in it has bounds.
    """
    filled = [one for one in stats if one["numRecords"]]
    names = dict.fromkeys(name for one in filled for name in one["nullCount"])
    nulls = {
        name: sum(one["nullCount"][name] for one in filled)
        for name in names
        if all(name in one["nullCount"] for one in filled)
    }
    ranges = {}
    for name in nulls:
        with_values = [one for one in filled if one["nullCount"][name] < one["numRecords"]]
        if with_values and all(name in one["minValues"] for one in with_values):
            # Numbers, dates as ISO texts of one length, texts: all compare as they are.
            ranges[name] = ValueRange(
                min(one["minValues"][name] for one in with_values),
                max(one["maxValues"][name] for one in with_values),
            )
    return ranges, nulls
