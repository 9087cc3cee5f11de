"""Service levels of a table: how fresh it is, and how long it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import did_you_mean
from ..names import Dataset
from .model import Sla
from .reader import Reader
from .tiers import Retention, read_retention

SLA_PROPERTIES = (
    "latency", "retention", "frequency", "availability", "throughput", "errorRate",
    "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect", "timeToNotify",
    "timeToRepair",
)  # fmt: skip
"""ODCS's list of service levels; Lakebook acts on the first two."""

KEPT = SLA_PROPERTIES[:2]


def read_service(
    contract: Reader, dataset: Dataset, time: str | None
) -> tuple[Sla, Retention | None]:
    """Freshness and retention of a table; an `element` limits a property to some tables.

    Raises ContractError for one that a table has twice, and for a retention by another column than
    the table's `time`, from which the ages of its partitions are counted.
    """
    hours: float | None = None
    schedule = ""
    retention: Retention | None = None
    seen: dict[str, Reader] = {}
    for raw in contract.items("slaProperties"):
        name = raw.choice(raw["property"], SLA_PROPERTIES, "slaProperty", "property")
        elements = _elements(contract, raw)
        columns = [column for table, column in elements if table == dataset.name]
        if name not in KEPT or (elements and not columns):
            continue
        if first := seen.get(name):
            raise raw.error(
                f"{name} of {dataset} stands twice (first in line {first.line})",
                "property",
                fix="keep one of them, or give each its own table as element",
            )
        seen[name] = raw
        if raw["valueExt"] is not None:
            raise raw.error(
                f"{name} has a valueExt, which is not used", "valueExt", fix="write one value"
            )
        if name == "latency":
            hours, schedule = raw.amount_days(name) * 24, raw.text("schedule")
        else:
            for column in columns:
                if column and time and column != time:
                    raise raw.error(
                        f"the retention of {dataset} is by {column!r}, and its partitions are "
                        f"deleted by their age in the timeColumn {time!r}",
                        fix=f"write element: {dataset.name}, or make {column!r} the timeColumn",
                    )
            retention = read_retention(raw)
    return Sla(hours, schedule), retention


def _elements(contract: Reader, raw: Reader) -> Sequence[tuple[str, str]]:
    """The tables that a service level names, itself or by the contract's default, each with the
    column that it names or an empty text; none: all tables."""
    at, key = (raw, "element") if raw["element"] else (contract, "slaDefaultElement")
    known = {
        table["name"]: [column["name"] for column in table.items("properties")]
        for table in contract.items("schema")
    }
    found = []
    for element in filter(None, (one.strip() for one in at.text(key).split(","))):
        name, _, column = element.partition(".")
        if name not in known:
            raise at.error(f"element {element!r} is no table{did_you_mean(name, known)}", key)
        if column and column not in known[name]:
            guess = did_you_mean(column, known[name])
            raise at.error(f"element {element!r} is no column of {name}{guess}", key)
        found.append((name, column))
    return found
