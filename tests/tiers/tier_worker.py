"""Processes that run one operation on a lake with tiers, to be raced and killed."""

from __future__ import annotations

import json
import os
import random
import time
import traceback
import uuid
from collections import Counter
from pathlib import Path

import delta_worker as w
from tiers.tier_checks import Reader
from tiers.tier_lake import Spec, operate, tables_at

from lakebook.delta import faults

PRELOAD = [
    *w.PRELOAD,
    "tiers.tier_worker",
    "duckdb",
    "pandas",
    "jsonschema.validators",
    "open_data_contract_standard.model",
    "yaml",
]


class Worker(w.Forked):
    """A process that runs one operation.

    `spec["dawdle"]`: a seed for waiting at random points.
    """

    preload = PRELOAD

    def __init__(self, folder: Path, spec: Spec, fault: str = "") -> None:
        self._points = folder / f"points-{uuid.uuid4().hex}"
        super().__init__(folder, _entry, folder, spec, fault, self._points)

    def kill(self) -> None:
        self._process.kill()

    @property
    def is_told(self) -> bool:
        """Whether it ended with a sentence that tells to run it again, as others came first."""
        return "run it again" in self.complaint or "ConflictError" in self.complaint

    @property
    def points(self) -> dict[str, int]:
        """How often it came to each fault point; known when it had a fault and did not die."""
        return dict(json.loads(self._points.read_text())) if self._points.exists() else {}


class Dawdling(Counter[str]):
    """Counts fault points, and waits a while at some, so that processes interleave widely."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    def __setitem__(self, point: str, times: int) -> None:
        super().__setitem__(point, times)
        if self._chance.random() < 0.5:
            time.sleep(self._chance.expovariate(1 / 0.02))


def _entry(folder: Path, spec: Spec, fault: str, points: Path, complaint: Path) -> None:
    if fault:
        os.environ[faults.VARIABLE] = fault
    if "dawdle" in spec:
        os.environ[faults.VARIABLE] = "none"
        faults._passed = Dawdling(spec["dawdle"])
    try:
        if barrier := spec.get("barrier"):
            Path(f"{barrier}.{os.getpid()}").touch()
            while not Path(barrier).exists():
                time.sleep(0.001)
        if spec["op"] == "read":
            Reader(tables_at(folder), folder / "floors").read_until(Path(spec["stop"]))
        else:
            operate(folder, spec)
        if fault:
            points.write_text(json.dumps(faults._passed))
    except Exception:
        complaint.write_text(traceback.format_exc())
        os._exit(1)
