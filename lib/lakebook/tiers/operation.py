"""One thing that was done to partitions of a dataset: what run records, pages and catalog say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operation:
    """`source` and `target` are tiers; size in bytes, as it was in `source`.

    env: where it was, if that may be another environment than the run's. A figure that nobody
    counted is None.
    """

    kind: str
    dataset: str
    partitions: tuple[str, ...] = ()
    source: str = ""
    target: str = ""
    files: int | None = None
    rows: int | None = None
    size_bytes: int | None = None
    reason: str = ""
    env: str = ""

    def to_json(self) -> dict[str, Any]:
        """For a run's record."""
        found = {
            "kind": self.kind,
            "dataset": self.dataset,
            "partitions": list(self.partitions),
            "from": self.source,
            "to": self.target,
            "files": self.files,
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "reason": self.reason,
        }
        return {**found, "env": self.env} if self.env else found
