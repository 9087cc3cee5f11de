"""What an engine's error says, in our words: read from the texts of Polars, Narwhals and DuckDB."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import did_you_mean

_MISSING = (
    re.compile(r'unable to find column "(?P<name>[^"]+)"'),
    re.compile(r'"(?P<name>[^"]+)" not found'),
    re.compile(r"columns were not found: \['(?P<name>[^']+)'"),
)
_VALID = re.compile(r"valid columns: \[(?P<names>[^\]]*)\]")


def column_not_found(raised: BaseException) -> tuple[str, list[str]] | None:
    """The column that an engine did not find, and those it had (empty: it does not say)."""
    if type(raised).__name__ != "ColumnNotFoundError":
        return None
    text = str(raised)
    missing = next((hit["name"] for rule in _MISSING if (hit := rule.search(text))), None)
    if missing is None:
        return None
    valid = _VALID.search(text)
    return missing, re.findall(r'"([^"]+)"', valid["names"]) if valid else []


def missing_column(
    name: str, valid: Sequence[str], read: Mapping[str, Collection[str]]
) -> tuple[str, str]:
    """Message and fix for a column that is not in a frame.

    Parameters
    ----------
    valid: the columns that the frame has at this point; may be unknown (empty).
    read: the columns of each table that the step has read.
    """
    had = [table for table, columns in read.items() if name in columns]
    if had:
        found = f"column {name!r} of {_either(had)} is no longer in the frame here"
        return found, "keep it in the select, join or group_by before"
    everywhere = {column for columns in read.values() for column in columns}
    guess = did_you_mean(name, valid or everywhere) or did_you_mean(name, everywhere)
    word = guess.split("'")[1] if guess else ""
    meant = [table for table, columns in read.items() if word in columns]
    # Of two tables with the meant column, the frame at hand is made of the one it shares more with.
    meant.sort(key=lambda table: -len(set(read[table]) & set(valid)))
    if meant:
        return f"column {name!r} is not in {meant[0]}{guess}", ""
    if len(read) == 1:
        return f"column {name!r} is not in {next(iter(read))}{guess}", ""
    place = f"the frame here, made of {' and '.join(read)}" if read else "the frame"
    return f"column {name!r} is not in {place}{guess}", ""


def _either(tables: Sequence[str]) -> str:
    return " and ".join(tables)


def type_name(found: Any) -> str:
    """A Polars type in the contract's words where it has one."""
    text = str(found)
    if text.startswith("Datetime"):
        zone = getattr(found, "time_zone", None)
        unit = getattr(found, "time_unit", "us")
        return "timestamp" if zone is None and unit == "us" else f"timestamp({unit}, {zone})"
    if text.startswith("Decimal"):
        return f"decimal({found.precision},{found.scale})"
    return text.lower().removesuffix("()")
