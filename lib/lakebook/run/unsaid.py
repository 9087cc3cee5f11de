"""What a maintenance run did and did not come to say, found in the logs of the datasets."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from ..errors import StorageError
from ..names import tables_of, tier_tables
from ..settings import Settings
from ..tiers.from_log import operations_in_log


def unsaid_operations(settings: Settings, run_id: str, began: datetime) -> list[dict[str, Any]]:
    """For the run's record, by dataset. `began`: with a zone.

    A damaged log says nothing here: whoever reads its table is told.
    """
    found: list[dict[str, Any]] = []
    for dataset in sorted(tables_of(settings.roots.hot)):
        tables = tier_tables(settings.roots, dataset)
        with suppress(StorageError):
            found += [one.to_json() for one in operations_in_log(tables, run_id, began)]
    return found
