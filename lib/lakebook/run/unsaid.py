"""What a maintenance run did and did not come to say, found in the logs of the datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..names import tables_of, tier_tables
from ..settings import Settings
from ..tiers.from_log import operations_in_log
from ..tiers.operation import Operation


def unsaid_operations(
    settings: Settings, run_id: str, began: datetime, said: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """For the run's record, by dataset. `began`: with a zone. `said`: what it has told already.

    A log that cannot be understood says nothing here, and keeps nothing else back: whoever reads
    its table is told.
    """
    known = {(one["kind"], one["dataset"], p) for one in said for p in one["partitions"]}
    found: list[dict[str, Any]] = []
    for dataset in sorted(tables_of(settings.roots.hot)):
        tables = tier_tables(settings.roots, dataset)
        with suppress(Exception):
            for operation in operations_in_log(tables, run_id, began):
                if left := _without(operation, known):
                    found.append(left.to_json())
    return found


def _without(operation: Operation, known: set[tuple[str, str, str]]) -> Operation | None:
    """What is left of an operation; its figures are those of all its partitions."""
    kind, dataset = operation.kind, operation.dataset
    left = tuple(p for p in operation.partitions if (kind, dataset, p) not in known)
    if left == operation.partitions:
        return operation
    return replace(operation, partitions=left, files=None, size_bytes=None) if left else None
