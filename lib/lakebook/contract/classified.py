"""Which columns hold values that a catalog, an incident or a report must not show.

Those of the two upper classifications. A column without one counts as `internal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import Column, TableContract

CLASSIFIED = ("confidential", "restricted")
MASK = "•••"


def is_classified(column: Column) -> bool:
    return column.classification in CLASSIFIED


def classified_columns(table: TableContract) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if is_classified(column))


def touches_classified(tables: Iterable[TableContract]) -> bool:
    """Whether any column is classified: the text of an error about them may then hold a value."""
    return any(classified_columns(table) for table in tables)


def shown_observation(check: Mapping[str, Any], table: TableContract | None) -> Any:
    """What a check measured (a maximum, a mean); None where it may be a classified value.

    A check that names no single column may be about any, and so may one of an unknown table.
    """
    hidden = classified_columns(table) if table else None
    column = check.get("column")
    if hidden is None or column in hidden or (column is None and hidden):
        return None
    return check.get("observed")
