"""Snapshots, staged files and the commit: what turns Parquet files into tables.

Names are loaded on first use: most commands only read a snapshot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .commit import CommitResult, commit_append, commit_replace, commit_snapshot
    from .create import ensure_table
    from .digest import digest_file, digest_table
    from .faults import FAULT_POINTS, fault_point
    from .inspection import Inspection, StagedFile, inspect
    from .log import commit_info, open_snapshot, read_tokens
    from .snapshot import PARTITION, DataFile, Snapshot
    from .staging import Stage, begin_stage
    from .tokens import signed

_HOME = {
    "commit": ("CommitResult", "commit_append", "commit_replace", "commit_snapshot"),
    "create": ("ensure_table",),
    "digest": ("digest_file", "digest_table"),
    "faults": ("FAULT_POINTS", "fault_point"),
    "inspection": ("Inspection", "StagedFile", "inspect"),
    "log": ("commit_info", "open_snapshot", "read_tokens"),
    "snapshot": ("PARTITION", "DataFile", "Snapshot"),
    "staging": ("Stage", "begin_stage"),
    "tokens": ("signed",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "FAULT_POINTS",
    "PARTITION",
    "CommitResult",
    "DataFile",
    "Inspection",
    "Snapshot",
    "Stage",
    "StagedFile",
    "begin_stage",
    "commit_append",
    "commit_info",
    "commit_replace",
    "commit_snapshot",
    "digest_file",
    "digest_table",
    "ensure_table",
    "fault_point",
    "inspect",
    "open_snapshot",
    "read_tokens",
    "signed",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
