"""What a rule found, from Great Expectations' result: a value or rows, and in which partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def row_counts(result: Result, *, of_all: bool = False) -> tuple[int | None, int | None]:
    """Unexpected and evaluated rows; None where a rule does not count rows.

    `of_all`: the rows without a value count as well, as they do for a threshold's percentage.
    """
    elements = result.get("element_count")
    if elements is None:
        return None, None
    missing = 0 if of_all else result.get("missing_count") or 0
    return result.get("unexpected_count"), elements - missing


def observed_in(result: Result) -> Any:
    """The measured value of a rule that has one."""
    found = result.get("observed_value")
    return _distinct_values(result) if found is None else found


def observed_over(results: Sequence[Result]) -> Any:
    """The value of all partitions, or the least and the greatest of numbers; else None."""
    found = [observed_in(result) for result in results]
    if all(value == found[0] for value in found):
        return found[0]
    numbers = [value for value in found if isinstance(value, int | float)]
    return f"{min(numbers)} to {max(numbers)}" if len(numbers) == len(found) else None


def failing_text(names: Sequence[str], shown: Mapping[str, Result], *, of_all: bool = False) -> str:
    """The first failing partitions, with what was found there, and how many more there are."""
    parts = [f"{name}: {_found(result, of_all)}" for name, result in shown.items()]
    more = len(names) - len(parts)
    return "; ".join(parts) + (f"; {more} more partitions" if more else "")


def _found(result: Result, of_all: bool) -> str:
    unexpected, evaluated = row_counts(result, of_all=of_all)
    if evaluated is None:
        return str(observed_in(result))
    return f"{unexpected} of {evaluated} rows"


def _distinct_values(result: Result) -> str | None:
    """What a rule about distinct values found, which Great Expectations shows in lists alone."""
    if "element_count" in result:
        return None
    lists = {"not in the set": "partial_unexpected_list", "missing": "partial_missing_list"}
    found = {what: result[key] for what, key in lists.items() if result.get(key)}
    return "; ".join(f"{what}: {', '.join(map(repr, v))}" for what, v in found.items()) or None
