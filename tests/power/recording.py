"""Changes that are recorded: what to make of a folder, and what of it a power cut may leave."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from power import driver
from power.cuts import Cut, cuts
from power.disk import Disk, read_tree
from power.recorder import record


@dataclass(frozen=True)
class Recorded:
    """A change that was made in `folder`, with every state that a power cut may leave."""

    folder: Path
    cuts: list[Cut]


def record_all(root: Path, work: Mapping[str, dict[str, Any]]) -> dict[str, Recorded]:
    """Make changes, each in `root/<name>` as it is now; one process makes all of them.

    `work`: name -> what `driver` is to do.
    """
    disks = {name: Disk(root / name) for name in work}
    given = root / "work.pickle"
    given.write_bytes(pickle.dumps([(root / name, spec) for name, spec in work.items()]))
    calls = record([sys.executable, str(driver.__file__), str(given)], root, root / "trace")
    made = {}
    for name, disk in disks.items():
        made[name] = Recorded(root / name, cuts(disk, calls))
        assert disk.tree() == read_tree(root / name), "the model is not what the disk is"
    return made
