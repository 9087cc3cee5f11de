"""What one emission does to the outbox, and what it had to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .outbox import Kind, Outbox
from .proposals import Proposal


@dataclass
class Emission:
    """What one emission did. `troubles` are runs or steps that were left out, with the reason."""

    runs: int = 0
    files: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def problem(self) -> str:
        """The first trouble, and how many there are."""
        more = f" (and {len(self.troubles) - 1} more)" if len(self.troubles) > 1 else ""
        return f"{self.troubles[0]}{more}" if self.troubles else ""

    def to_json(self) -> dict[str, Any]:
        made = {"runs": self.runs, "files": self.files, "troubles": list(self.troubles)}
        return {**made, "problem": self.problem}

    def put(self, box: Outbox, kind: Kind, name: str, proposals: list[Proposal]) -> None:
        """Add a file, if it says something new."""
        self.files += box.put(kind, name, proposals) is not None
