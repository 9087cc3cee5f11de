"""Snapshots, staged files and the commit: what turns Parquet files into tables.

Names are loaded on first use: most commands only read a snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import on_first_use

if TYPE_CHECKING:
    from .cleaner import VacuumResult, vacuum
    from .commit import CommitResult, commit_append, commit_replace, commit_snapshot
    from .compaction import CompactResult, compact, small_files
    from .create import ensure_table
    from .digest import digest_file, digest_table
    from .extras import extra_columns, with_extras
    from .faults import FAULT_POINTS, fault_point
    from .history import RollbackResult, rollback, way_back
    from .inspection import Inspection, StagedFile, inspect
    from .leases import Lease, heartbeat, read_leases, release, take_lease
    from .log import commit_info, open_snapshot, read_tokens
    from .pins import Pin, Pins
    from .snapshot import PARTITION, DataFile, Snapshot
    from .staging import Stage, begin_stage
    from .sweeper import SweepResult, living_stages, sweep
    from .tokens import signed
    from .whole import open_whole

_HOME = {
    "cleaner": ("VacuumResult", "vacuum"),
    "commit": ("CommitResult", "commit_append", "commit_replace", "commit_snapshot"),
    "compaction": ("CompactResult", "compact", "small_files"),
    "create": ("ensure_table",),
    "digest": ("digest_file", "digest_table"),
    "extras": ("extra_columns", "with_extras"),
    "faults": ("FAULT_POINTS", "fault_point"),
    "history": ("RollbackResult", "rollback", "way_back"),
    "inspection": ("Inspection", "StagedFile", "inspect"),
    "leases": ("Lease", "heartbeat", "read_leases", "release", "take_lease"),
    "log": ("commit_info", "open_snapshot", "read_tokens"),
    "pins": ("Pin", "Pins"),
    "snapshot": ("PARTITION", "DataFile", "Snapshot"),
    "staging": ("Stage", "begin_stage"),
    "sweeper": ("SweepResult", "living_stages", "sweep"),
    "tokens": ("signed",),
    "whole": ("open_whole",),
}

__all__ = [
    "FAULT_POINTS",
    "PARTITION",
    "CommitResult",
    "CompactResult",
    "DataFile",
    "Inspection",
    "Lease",
    "Pin",
    "Pins",
    "RollbackResult",
    "Snapshot",
    "Stage",
    "StagedFile",
    "SweepResult",
    "VacuumResult",
    "begin_stage",
    "commit_append",
    "commit_info",
    "commit_replace",
    "commit_snapshot",
    "compact",
    "digest_file",
    "digest_table",
    "ensure_table",
    "extra_columns",
    "fault_point",
    "heartbeat",
    "inspect",
    "living_stages",
    "open_snapshot",
    "open_whole",
    "read_leases",
    "read_tokens",
    "release",
    "rollback",
    "signed",
    "small_files",
    "sweep",
    "take_lease",
    "vacuum",
    "way_back",
    "with_extras",
]

__getattr__ = on_first_use(__name__, _HOME)
