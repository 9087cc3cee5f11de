"""What is reached from some steps, up or down."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..names import Dataset


def reach(
    names: Iterable[Dataset], near: Callable[[Dataset], Iterable[Dataset]], distance: int = -1
) -> set[Dataset]:
    """The names and all within reach of them. `near`: what is next to one, such as
    `Graph.upstream`. `distance`: how many times it is asked at most; below 0: without end."""
    found = set(names)
    edge = set(found)
    while edge and distance != 0:
        edge = {other for name in edge for other in near(name)} - found
        found |= edge
        distance -= 1
    return found
