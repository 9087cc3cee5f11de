"""The profile that a run recorded of an output, as DataHub's; no values of classified columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..archive.record import RunRecord
from ..contract.classified import classified_columns
from ..contract.model import TableContract
from .proposals import millis
from .window import window


def profile(record: RunRecord, output: Mapping[str, Any], table: TableContract | None) -> Any:
    """A DatasetProfileClass of the rows that a run published; None where it recorded none."""
    from datahub.metadata.schema_classes import DatasetFieldProfileClass, DatasetProfileClass

    found = output.get("profile") or {}
    if not found or table is None:
        return None  # without the contract nobody knows which values may be shown
    rows, hidden = int(found["rows"]), classified_columns(table)
    fields = [
        DatasetFieldProfileClass(
            fieldPath=name,
            nullCount=one.get("nulls"),
            nullProportion=_ratio(one.get("nulls"), rows),
            uniqueCount=one.get("distinct"),
            uniqueProportion=_ratio(one.get("distinct"), rows - (one.get("nulls") or 0)),
            min=_text(one.get("min")) if _is_open(name, table, hidden) else None,
            max=_text(one.get("max")) if _is_open(name, table, hidden) else None,
        )
        for name, one in found["columns"].items()
    ]
    return DatasetProfileClass(
        timestampMillis=millis(record.began, record.elapsed_s),
        rowCount=rows,
        columnCount=len(fields),
        fieldProfiles=fields,
        partitionSpec=window(record, table),
    )


def _is_open(name: str, table: TableContract, hidden: frozenset[str]) -> bool:
    # A column that the contract does not know (a source's new one) has no classification yet.
    return name in table.names and name not in hidden


def _ratio(part: int | None, whole: int) -> float | None:
    return None if part is None or whole <= 0 else min(part / whole, 1.0)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
