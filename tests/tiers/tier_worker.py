"""Processes that run one operation on a lake with tiers, to be raced and killed."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import time
import traceback
import uuid
from collections.abc import Callable
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


class Worker:
    """A process of its own that runs one operation; `complaint` is what it raised.

    `spec["without"]`: the fence that is taken out there, "hot" or "warm".
    """

    def __init__(self, folder: Path, spec: Spec, fault: str = "") -> None:
        # Forked from a server that has imported everything and computed nothing: polars and
        # delta-rs survive that, and a process costs a tenth of a fresh interpreter.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self._complaint = folder / f"complaint-{uuid.uuid4().hex}"
        self._points = folder / f"points-{uuid.uuid4().hex}"
        arguments = (folder, spec, fault, self._complaint, self._points)
        self._process = context.Process(target=_entry, args=arguments)
        self._process.start()

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int:
        """Exit code; negative: the signal that ended it."""
        self._process.join(120)
        assert self._process.exitcode is not None, "a worker hangs"
        return self._process.exitcode

    @property
    def complaint(self) -> str:
        return self._complaint.read_text() if self._complaint.exists() else ""

    @property
    def is_told(self) -> bool:
        """Whether it ended with a sentence that tells to run it again, as others came first."""
        return "run it again" in self.complaint or "ConflictError" in self.complaint

    @property
    def points(self) -> dict[str, int]:
        """How often it came to each fault point; known when it had a fault and did not die."""
        return dict(json.loads(self._points.read_text())) if self._points.exists() else {}


def take_out(fence: str, patch: Callable[..., None] = setattr) -> None:
    """Take the check of hot's fence, or of warm's, out of the changes of place."""
    module = importlib.import_module(
        {"hot": "lakebook.tiers.placing", "warm": "lakebook.tiers.warm"}[fence]
    )
    patch(module, "fence_stands", lambda noted, now, partition: True)


def _entry(folder: Path, spec: Spec, fault: str, complaint: Path, points: Path) -> None:
    if fault:
        os.environ[faults.VARIABLE] = fault
    try:
        if "without" in spec:
            take_out(spec["without"])
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
