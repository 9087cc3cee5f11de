"""Whether the files of a run had their contract's columns and types, as a check beside its rules.

The inspection comes before the audit, so what has rows published or rules judged has passed it.
"""

from __future__ import annotations

from typing import Any

from ..archive.record import RunRecord
from ..errors import ContractError, UserError
from ..names import Dataset
from .assertions import SCHEMA


def inspections(record: RunRecord) -> list[dict[str, Any]]:
    """One check per dataset that a run came to inspect, in the form of the record's own checks."""
    passed = dict.fromkeys(str(one["dataset"]) for one in (*record.outputs, *record.checks))
    found = dict.fromkeys(passed, True)
    if refused := _refused(record):
        found[refused] = False
    return [
        {
            "dataset": dataset,
            "name": SCHEMA,
            "expectation": SCHEMA,
            "action": "fail",
            "success": success,
        }
        for dataset, success in found.items()
    ]


def _refused(record: RunRecord) -> str:
    """The dataset whose frame or files a run refused: such an error has it as its place."""
    if record.error_type != ContractError.__name__ or not record.error:
        return ""
    name = record.error.partition(": ")[0]
    try:
        return str(Dataset.parse(name))
    except UserError:
        return ""  # a contract that is broken itself has its file as its place
