"""Figures and promises as people say them: the filters of the templates."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from ..contract.model import TableContract

MARKS = {"ok": "✓", "failed": "✗", "killed": "✗", "warn": "!", "aside": "◐", "none": "·"}
CAUSE_MAX = 280
_PLACE = re.compile(r"^notebooks/\S+\.ipynb(, cell \d+)?(, line \d+)?: ")
_VALID = re.compile(r";? valid columns: \[[^\]]*\]?")
_WRITES = {
    "replace": "Each run replaces whole partitions.",
    "snapshot": "Each run makes the whole table anew; an equal one commits nothing.",
    "merge": "Rows are merged by their key.",
    "append": "Rows are only added, never computed anew.",
}


def cause(error: str | None, status: str) -> str:
    """Why a run failed, as one sentence: no place, no list of columns, no plan of a query."""
    lines = [line.strip() for line in (error or "").strip().splitlines() if line.strip()]
    if not lines:
        return "" if status == "ok" else f"The run was {status}; no cause is known."
    first = _VALID.sub("", _PLACE.sub("", lines[0])).rstrip(" ;.")
    hint = next((line for line in lines[1:] if line.startswith("Did you mean")), "")
    if hint:
        return f"{first}. {hint}"
    first = first if len(first) <= CAUSE_MAX else f"{first[: CAUSE_MAX - 1]}…"
    return first if first.endswith((".", "!", "?", ")", "…")) else f"{first}."


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: Any) -> str:
    if isinstance(number, bool) or number is None:
        return "–" if number is None else str(number)
    if isinstance(number, int):
        return f"{number:,}"
    if isinstance(number, float):
        return f"{number:,.4g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return str(number)[:80]


def plural(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number:,} {word[:-1]}ies" if word.endswith("y") else f"{number:,} {word}s"


def megabytes(size: float | None) -> str:
    if size is None:
        return "–"
    return f"{size / 1024:.1f} GB" if size >= 1024 else f"{size:,.0f} MB"


def moment(iso: str) -> str:
    return iso[:19].replace("T", " ")


def interval(start: str | None, end: str | None) -> str:
    """`1 – 31 Jan 2013`, both inclusive, as people read a range; or the whole table."""
    if not start or not end:
        return "whole table"
    try:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end) - timedelta(days=1)
    except ValueError:
        return f"{start} – {end}"
    if first == last:
        return first.date().isoformat()
    return f"{first.date().isoformat()} – {last.date().isoformat()}"


def names(words: Any) -> str:
    """A few names, or the first and last of many."""
    listed = ["all" if word == "*" else str(word) for word in words or ()]
    if len(listed) <= 4:
        return ", ".join(listed)
    return f"{listed[0]} … {listed[-1]} ({len(listed)})"


def change(before: Any, now: Any) -> str:
    """How much a number changed, in per cent; empty where that says nothing."""
    if not isinstance(before, int | float) or not isinstance(now, int | float) or not before:
        return ""
    share = 100 * (now - before) / before
    return f"{share:+.1f} %" if abs(share) < 1000 else ""


def promise(table: TableContract) -> list[tuple[str, str]]:
    """A contract in sentences: what is promised about rows, keys, time, writes and age."""
    said = [("Rows", table.description or "The contract does not describe its rows.")]
    if table.key:
        said.append(("Key", f"One row for each {_listed(table.key)}."))
    if table.time:
        zone = f", in {table.time.zone}" if table.time.zone else ""
        said.append(("Time", f"Cut into {table.time.unit}s by {table.time.column}{zone}."))
    else:
        said.append(("Time", "No time column: one partition, the whole table."))
    said.append(("Writes", _WRITES[table.write]))
    needed = [column.name for column in table.columns if not column.nullable]
    if needed and len(needed) < len(table.columns):
        said.append(
            ("Always there", f"{_listed(needed)} {'is' if len(needed) == 1 else 'are'} never null.")
        )
    elif needed:
        said.append(("Always there", "No column is ever null."))
    for relation in table.relationships:
        said.append(
            (
                "Refers to",
                f"{relation.column} is one of {relation.to_dataset}.{relation.to_column}.",
            )
        )
    if table.sla.freshness_hours is not None:
        said.append(("Fresh", f"Within {_hours(table.sla.freshness_hours)} of the interval's end."))
    if table.sla.schedule:
        said.append(("Schedule", table.sla.schedule))
    said.append(("Kept", _kept(table)))
    return said


def _kept(table: TableContract) -> str:
    tier = table.tier
    parts = []
    if tier.hot_days is not None:
        parts.append(f"hot for {_days(tier.hot_days)}")
    if tier.warm_days is not None:
        parts.append(f"warm until {_days(tier.warm_days)}")
    if tier.retention_days is not None:
        parts.append(f"deleted after {_days(tier.retention_days)}")
    text = ", ".join(parts) or "hot, with no end"
    return f"{text[0].upper()}{text[1:]}{'; under legal hold' if tier.legal_hold else ''}."


def _days(days: int) -> str:
    if days % 365 == 0:
        return plural(days // 365, "year")
    return plural(days, "day")


def _hours(hours: float) -> str:
    return plural(int(hours // 24), "day") if hours % 24 == 0 and hours > 24 else f"{hours:g} hours"


def _listed(words: Any) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
