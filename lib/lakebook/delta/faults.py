"""Named points of a write at which a test can kill the process; else they cost one look-up.

The crash suite walks `FAULT_POINTS`: die at each, run again, compare with an uninterrupted run.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "LAKEBOOK_FAULT"

FAULT_POINTS = (
    "create.before_log",
    "create.after_log",
    "schema.before_column",
    "schema.after_column",
    "stage.before_manifest",
    "stage.after_manifest",
    "stage.second_file",
    "inspect.before",
    "inspect.before_name",
    "inspect.after",
    "commit.before_empty",
    "commit.before_write",
    "commit.after_write",
    "finish.before_delete",
    "finish.before_manifest",
    "compact.after_write",
    "compact.before_commit",
    "sweep.after_mark",
    "sweep.after_fence",
    "sweep.after_delete",
    "vacuum.after_mark",
    "vacuum.after_fence",
    "vacuum.after_delete",
)

TIER_POINTS = (
    "copy.before_name",
    "move.after_note",
    "move.after_copy",
    "move.after_warm",
    "move.after_hot",
    "promote.after_note",
    "promote.after_copy",
    "promote.after_hot",
    "warm_sweep.after_fence",
    "warm_sweep.after_remove",
    "archive.warm_fenced",
    "archive.warm_cleared",
    "archive.after_note",
    "archive.after_draft",
    "archive.after_files",
    "archive.after_manifest",
    "archive.before_rename",
    "archive.after_rename",
    "archive.after_hot",
    "archive.sweep_fenced",
    "archive.sweep_taken",
    "archive.sweep_deleted",
    "restore.after_note",
    "restore.after_manifests",
    "restore.before_prolong",
    "restore.after_prolong",
    "restore.before_fall_back",
    "restore.after_fall_back",
    "retention.after_record",
    "retention.after_hot",
    "retention.after_quarantine",
    "retention.after_warm",
    "retention.after_cold",
    "retention.after_files",
    "erase.after_values",
    "erase.after_stage",
    "erase.after_commit",
    "erase.after_rows",
    "erase.after_pins",
    "erase.after_warm",
    "erase.after_cold",
    "erase.after_files",
    "erase.after_entry",
    "erase.after_return",
    "erase.after_outbox",
    "erase.after_reports",
)
"""Those of changes of place (`lakebook.tiers`), beside those of the commits in them."""

DROP_POINTS = ("drop.after_folder", "drop.after_rename", "drop.after_part")
"""Those of an environment that is dropped (`lakebook.run.drop`), no part of a write."""

DATASET_DROP_POINTS = (
    "drop_dataset.after_begun",
    "drop_dataset.after_folder",
    "drop_dataset.after_pins",
    "drop_dataset.after_part",
)
"""Those of a dataset that is dropped (`lakebook.run.drop_dataset`)."""

RENAME_POINTS = ("rename.after_pins", "rename.after_folder")
"""Those of a dataset that gets another name (`lakebook.run.rename`)."""

DISCARD_POINTS = ("discard.after_rename",)
"""Those of rows that an environment gives up (`lakebook.run.own_rows`)."""

MIGRATE_POINTS = ("migrate.before_commit", "migrate.before_quarantine", "migrate.before_warm")
"""Those of a dataset that is written anew by another contract (`lakebook.run.migrating`)."""

_OTHERS = DROP_POINTS + DATASET_DROP_POINTS + RENAME_POINTS + DISCARD_POINTS + MIGRATE_POINTS

_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """End the process here, as the kernel would, if the environment names this point.

    `commit.before_write:2` means the second time that the process comes to it.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    # A point that the suite does not walk proves nothing.
    assert name in FAULT_POINTS + TIER_POINTS + _OTHERS, name
    _passed[name] += 1
    point, _, turn = wanted.partition(":")
    if point == name and _passed[name] == int(turn or 1):
        os.kill(os.getpid(), signal.SIGKILL)
