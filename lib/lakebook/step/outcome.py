"""A step's own part of the run record: what it read, wrote and found. Kept as `step.json`.

The file is written anew at each addition, so that it tells how far a run came that then died.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..intervals import Interval
from ..names import Dataset

_WRITTEN: set[tuple[Path, str]] = set()
"""What each run of this process has written, by its folder: a notebook may make several Steps."""


@dataclass(frozen=True)
class Output:
    """Rows: audited = published + quarantined, always.

    `without_time`: how many of the published and of the quarantined rows have a null time. Each run
    replaces all of these, so that they count once for all its runs.
    """

    dataset: str
    version: int
    committed: tuple[str, ...]
    unchanged: tuple[str, ...]
    rows_audited: int
    rows_published: int
    rows_quarantined: int
    without_time: Mapping[str, int] = field(default_factory=dict)
    fingerprints: Mapping[str, int] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)  # of what was published


@dataclass
class Outcome:
    """Grows while the cells run."""

    folder: Path | None
    step: Dataset
    interval: Interval | None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    cold: dict[str, list[str]] = field(default_factory=dict)  # what has to be restored first
    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: str = ""  # a write that was, whatever the notebook makes of the error

    def add_input(
        self, dataset: Dataset, versions: Mapping[str, int], data: Mapping[str, int]
    ) -> None:
        entry = {
            "dataset": str(dataset),
            "version": max(versions.values()),
            "versions": dict(versions),
            "partitions": sorted(data),
            "tokens": dict(data),
        }
        if entry not in self.inputs:
            self.inputs.append(entry)
            self.save()

    def add_source(self, uri: str, digest: str, modified: str) -> None:
        self.inputs.append({"source": uri, "digest": digest, "modified": modified})
        self.save()

    def count_source(self, uri: str, rows: Mapping[str, Any]) -> None:
        """Where the rows of a source went; see `landed.account`."""
        for entry in self.inputs:
            if entry.get("source") == uri:
                entry["rows"] = dict(rows)
        self.save()

    def add_note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def add_log(self, uri: str, begins: Mapping[str, int], ends: Mapping[str, int]) -> None:
        self.inputs.append({"source": uri, "begins": dict(begins), "ends": dict(ends)})
        self.save()

    def note_cold(self, needs: Mapping[str, Iterable[str]]) -> None:
        """Partitions by dataset that this run could not do without."""
        self.cold = {name: list(partitions) for name, partitions in needs.items()}
        self.save()

    def refuse_second(self, dataset: Dataset) -> None:
        """Raise UserError if this run has written a dataset already, by whichever `Step`.

        A write replaces all partitions of the interval: what the first one published would go. In
        a session a cell may be run again.
        """
        if self.folder is not None and (self.folder, str(dataset)) in _WRITTEN:
            refusal = UserError(
                f"{dataset} is written a second time in one run, and would lose the rows of the "
                "first write",
                where=str(self.step),
                fix="put the rows together (narwhals.concat) and write them once",
            )
            self.refused = refusal.sentence
            self.save()
            raise refusal

    def add_output(self, output: Output) -> None:
        self.outputs.append(output)
        if self.folder is not None:
            _WRITTEN.add((self.folder, output.dataset))

    def keep_audit(self, dataset: Dataset, document: Mapping[str, Any]) -> None:
        """Keep Great Expectations' own result beside the record, for its Data Docs."""
        if self.folder is not None and document:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"audit.{dataset}.json"
            path.write_text(json.dumps(document, default=str), encoding="utf-8")

    def save(self) -> None:
        if self.folder is None:
            return
        record = {
            "step": str(self.step),
            "inputs": self.inputs,
            "outputs": [asdict(output) for output in self.outputs],
            "checks": self.checks,
            "timings": self.timings,
            "notes": self.notes,
            "conflicts": self.conflicts,
            "cold": self.cold,
            "parts": self.parts,
            "refused": self.refused,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"step.{os.getpid()}.part"
        part.write_text(json.dumps(record, default=str), encoding="utf-8")
        part.replace(self.folder / "step.json")
