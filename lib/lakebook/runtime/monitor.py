"""What passes between a notebook's run and who asked for it: events out, findings back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .journal import Journal
from .watch import Limits


def _ignore(_: dict[str, Any]) -> None:
    """Nobody listens."""


@dataclass
class Monitor:
    """Filled in by `notebook_client.LakebookClient` while it runs.

    `verdict`: the limit that was broken; `death`: what ended the kernel; `failed_at`: index in the
    executed notebook; `tolerated`: cells that raised what their tag expects; memory is private.
    """

    limits: Limits = field(default_factory=Limits)
    journal: Journal | None = None
    emit: Callable[[dict[str, Any]], None] = _ignore
    stats: list[dict[str, Any]] = field(default_factory=list)
    verdict: str = ""
    death: str = ""
    failed_at: int | None = None
    tolerated: list[int] = field(default_factory=list)
    kernel: str = "warm"
    why_plain: str = ""
    peak_mb: float = 0.0
