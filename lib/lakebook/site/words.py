"""What a run or a contract says, in sentences; figures are `lakebook.cards.words`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..cards.words import plural
from ..contract.model import TableContract
from ..tiers.policy import Policy

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


def promise(table: TableContract, policy: Policy) -> list[tuple[str, str]]:
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
                f"{_key(relation.columns)} is one of {relation.to_dataset}."
                f"{_key(relation.to_columns)}.",
            )
        )
    if table.sla.freshness_hours is not None:
        said.append(("Fresh", f"Within {_hours(table.sla.freshness_hours)} of the interval's end."))
    if table.sla.schedule:
        said.append(("Schedule", table.sla.schedule))
    said.append(("Kept", _kept(policy)))
    return said


def _key(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"


def _kept(policy: Policy) -> str:
    parts = ["hot" if policy.hot_days is None else f"hot for {_days(policy.hot_days)}"]
    if policy.warm_days is not None:
        parts.append(f"warm until {_days(policy.warm_days)}")
    if policy.retention_days is not None:
        parts.append(f"deleted after {_days(policy.retention_days)}")
    text = ", ".join(parts) if parts != ["hot"] else "hot, with no end"
    return f"{text[0].upper()}{text[1:]}{'; under legal hold' if policy.legal_hold else ''}."


def _days(days: int) -> str:
    if days % 365 == 0:
        return plural(days // 365, "year")
    return plural(days, "day")


def _hours(hours: float) -> str:
    return plural(int(hours // 24), "day") if hours % 24 == 0 and hours > 24 else f"{hours:g} hours"


def _listed(words: Any) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
