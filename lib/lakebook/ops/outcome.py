"""A job's own part of the run record: what it did, and what stood in its way. Kept as `step.json`.

The file is written anew at each addition, so that it tells how far a run came that then died.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..names import Job


@dataclass
class JobOutcome:
    """Grows while the cells run. `folder`: None outside a run, where nothing is kept.

    `said`: what each of the job's methods came to last, in a sentence.
    """

    folder: Path | None
    job: Job
    operations: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def add(self, operations: Iterable[Mapping[str, Any]] = (), notes: Iterable[str] = ()) -> None:
        self.operations += map(dict, operations)
        self.notes += [note for note in notes if note not in self.notes]
        self.save()

    def say(self, method: str, sentence: str) -> None:
        self.said[method] = sentence
        self.save()

    def save(self) -> None:
        if self.folder is None:
            return
        record = {
            "step": str(self.job),
            "operations": self.operations,
            "notes": self.notes,
            "summary": "; ".join(dict.fromkeys(self.said.values())),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"step.{os.getpid()}.{secrets.token_hex(3)}.part"
        part.write_text(json.dumps(record, default=str), encoding="utf-8")
        part.replace(self.folder / "step.json")
