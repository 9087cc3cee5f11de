"""Whether a partition is what its step would make now, by the definition that its fingerprint has.

A fingerprint is one number that does not say by which definition it was computed: all are tried,
the newest first, which nearly always is the one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contract.fingerprint import DEFINITION
from ..graph import StepNode
from ..settings import Settings
from ..step.fingerprint import InputTokens, partition_fingerprint
from .static import static_parts


@dataclass(frozen=True)
class Making:
    """What all partitions of a step are made of: `static` by today's definition."""

    settings: Settings
    node: StepNode
    parameters: Mapping[str, Any]
    static: Mapping[str, str]
    _older: dict[int, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, node: StepNode, parameters: Mapping[str, Any]) -> Making:
        return cls(settings, node, parameters, static_parts(settings, node, parameters))

    def by(self, definition: int) -> Mapping[str, str]:
        """The static parts by an older definition; by today's if there is no such."""
        if not 1 <= definition < DEFINITION:
            return self.static
        if definition not in self._older:
            self._older[definition] = static_parts(
                self.settings, self.node, self.parameters, definition=definition
            )
        return self._older[definition]

    def made(self, fingerprint: int | None, partition: str, inputs: Sequence[InputTokens]) -> bool:
        """Whether a partition's fingerprint is that of these inputs."""
        if fingerprint is None:
            return False
        return any(
            fingerprint == partition_fingerprint(self.by(one), partition, inputs)
            for one in range(DEFINITION, 0, -1)
        )
