"""What a write tells people: how long each part of it took, and which run it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lake import LakeContext


def commit_metadata(context: LakeContext) -> dict[str, str]:
    """Metadata of a commit; it vanishes with the log's retention."""
    interval = context.interval
    return {
        "run": context.run.run_id,
        "step": str(context.step),
        "interval": str(interval) if interval else "*",
    }


@contextmanager
def timed(context: LakeContext, what: str) -> Iterator[None]:
    """Add the seconds of the block to the run's record."""
    began = time.perf_counter()
    try:
        yield
    finally:
        context.outcome.timings[what] = context.outcome.timings.get(what, 0.0) + (
            time.perf_counter() - began
        )
