"""Deaths at fault points within the test's own process; those by SIGKILL are in `delta_worker`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from lakebook.delta import faults


class Killed(KeyboardInterrupt):
    """No `except` of the code under test catches it."""


def die_at(patch: pytest.MonkeyPatch, point: str, *modules: ModuleType) -> list[str]:
    """Raise `Killed` where some modules come to a point; the list tells that one has."""
    reached: list[str] = []

    def fault_point(name: str) -> None:
        if name == point:
            reached.append(name)
            raise Killed

    for module in modules:
        patch.setattr(module, "fault_point", fault_point)
    return reached


@contextmanager
def points_counted() -> Iterator[Counter[str]]:
    """How often this process comes to each point within; it dies at none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(faults.VARIABLE, "none")
        patch.setattr(faults, "_passed", Counter())
        yield faults._passed
