"""What a maintenance run did and did not come to say, found in the logs of the datasets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..names import tables_of, tier_tables
from ..settings import Settings
from ..tiers.from_log import operations_in_log


def unsaid_operations(settings: Settings, run_id: str, began: datetime) -> list[dict[str, Any]]:
    """For the run's record, by dataset. `began`: with a zone."""
    return [
        operation.to_json()
        for dataset in sorted(tables_of(settings.roots.hot))
        for operation in operations_in_log(tier_tables(settings.roots, dataset), run_id, began)
    ]
