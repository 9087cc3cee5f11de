"""What is wrong with a rule's arguments, as far as the contract alone can tell.

Great Expectations would say it too, but only once the data has been computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import did_you_mean
from .expectations import Expectation

_LISTS = ("value_set", "regex_list", "like_pattern_list", "column_set", "value_pairs_set")
_CHOICES = {
    "match_on": ("any", "all"),
    "method": ("iqr", "std"),
    "allow_relative_error": ("linear", "lower", "higher", "midpoint", "nearest"),
}


def wrong_argument(known: Expectation, kwargs: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The first argument that cannot be used, with what is wrong and what to write; or None.

    An empty name means that an argument is missing.
    """
    return next(_wrong(known, kwargs), None)


def _wrong(known: Expectation, kwargs: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    bounds = [kwargs.get(key) for key in ("min_value", "max_value")]
    if "min_value" in known.arguments and bounds == [None, None]:
        yield "", "has neither min_value nor max_value", "give one of them, or both"
    for key in _LISTS:
        if key in kwargs and not isinstance(kwargs[key], list):
            yield key, f"{key} is not a list", f"write {key}: […]"
    for key, choices in _CHOICES.items():
        found = kwargs.get(key)
        if found not in (None, False, *choices):
            guess = did_you_mean(str(found), choices)
            yield key, f"{key} is {found!r}{guess}", f"use one of {', '.join(choices)}"
    for key in ("regex", "regex_list"):
        given = kwargs.get(key, [])
        for regex in given if isinstance(given, list) else [given]:
            try:
                re.compile(regex)
            except (re.error, TypeError) as problem:
                yield key, f"{regex!r} is not a regular expression ({problem})", "correct it"
    for key in ("threshold", "multiplier"):
        if key in kwargs and (
            isinstance(kwargs[key], bool) or not isinstance(kwargs[key], int | float)
        ):
            yield key, f"{key} is {kwargs[key]!r}", "give a number"
    if "quantile_ranges" in kwargs and not _are_ranges(kwargs["quantile_ranges"]):
        yield (
            "quantile_ranges",
            "quantile_ranges does not give each quantile from 0 to 1 a range",
            "write {quantiles: [0.5], value_ranges: [[10, 20]]}; null leaves an end open",
        )


def _are_ranges(given: Any) -> bool:
    if not isinstance(given, dict) or set(given) != {"quantiles", "value_ranges"}:
        return False
    shares, ranges = given["quantiles"], given["value_ranges"]
    return (
        isinstance(shares, list)
        and isinstance(ranges, list)
        and len(shares) == len(ranges) > 0
        and all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares)
        and all(isinstance(one, list) and len(one) == 2 for one in ranges)
    )
