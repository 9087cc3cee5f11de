"""What a partition was made of, as one 64-bit value. The same functions serve the run and the plan.

The static part (code, library, packages, parameters, contract, models) is the same for all
partitions of a run; what is added per partition are the `data/` tokens of what it reads.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..intervals import NULL, WHOLE, Unit, partition_interval


@dataclass(frozen=True)
class InputTokens:
    """How a step reads one dataset, and the `data/` tokens of that dataset's partitions."""

    dataset: str
    unit: Unit | None  # of the dataset read; None: it has no time
    data: Mapping[str, int]
    before_days: int = 0
    after_days: int = 0
    whole: bool = False

    def read_for(self, partition: str) -> dict[str, int]:
        """Tokens of the partitions that are read to make `partition`."""
        if self.whole or self.unit is None or partition == WHOLE:
            return dict(self.data)
        if partition == NULL:
            return {p: t for p, t in self.data.items() if p == NULL}
        around = partition_interval(partition).expand(self.before_days, self.after_days)
        names = (*around.partitions(self.unit), NULL)
        return {name: self.data[name] for name in names if name in self.data}


def digest(value: object) -> str:
    """SHA-256 of a JSON-able value, keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def partition_fingerprint(
    static: Mapping[str, str], partition: str, inputs: Iterable[InputTokens]
) -> int:
    """Signed 64-bit fingerprint of one partition."""
    return fingerprint_of_parts(static, input_parts(partition, inputs))


def fingerprint_of_parts(static: Mapping[str, str], parts: Mapping[str, int]) -> int:
    """The same of what `input_parts` gave, which is what a run records of a partition."""
    head = hashlib.sha256(digest([dict(static), dict(parts)]).encode()).digest()[:8]
    return int.from_bytes(head, "big", signed=True)


def input_parts(partition: str, inputs: Iterable[InputTokens]) -> dict[str, int]:
    """`dataset/partition` -> token for everything that `partition` is made of (for `--explain`)."""
    return {key: each for one in inputs for key, each in _named(one, partition).items()}


def unknown_fingerprint() -> int:
    """A value that equals no other: nobody knows what made the result, so it counts as stale."""
    return secrets.randbits(64) - (1 << 63)


def _named(one: InputTokens, partition: str) -> dict[str, int]:
    return {f"{one.dataset}/{name}": token for name, token in one.read_for(partition).items()}
