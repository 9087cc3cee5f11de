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
from ..graph.parameters import other_than_default
from ..settings import Settings
from ..step.fingerprint import InputTokens, partition_fingerprint
from .static import static_parts


@dataclass(frozen=True)
class Making:
    """What all partitions of a step are made of: `static` by today's definition.

    `others`: the parameters that are not what the notebook says anyway; only they count.
    """

    settings: Settings
    node: StepNode
    given: Mapping[str, Any]
    others: Mapping[str, Any]
    static: Mapping[str, str]
    _older: dict[tuple[int, bool], Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, node: StepNode, parameters: Mapping[str, Any]) -> Making:
        others = other_than_default(parameters, node.defaults)
        return cls(settings, node, parameters, others, static_parts(settings, node, others))

    def by(self, definition: int, *, as_given: bool = False) -> Mapping[str, str]:
        """The static parts by an older definition; by today's if there is no such.

        `as_given`: with the parameters that are the notebook's own, which counted before 2026-12.
        """
        if not 1 <= definition <= DEFINITION or (definition == DEFINITION and not as_given):
            return self.static
        key = definition, as_given
        if key not in self._older:
            parameters = self.given if as_given else self.others
            self._older[key] = static_parts(
                self.settings, self.node, parameters, definition=definition
            )
        return self._older[key]

    def made(self, fingerprint: int | None, partition: str, inputs: Sequence[InputTokens]) -> bool:
        """Whether a partition's fingerprint is that of these inputs."""
        if fingerprint is None:
            return False
        ways = (False, True) if len(self.others) < len(self.given) else (False,)
        return any(
            fingerprint == partition_fingerprint(self.by(one, as_given=way), partition, inputs)
            for one in range(DEFINITION, 0, -1)
            for way in ways
        )
