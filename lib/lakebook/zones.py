"""Time zones of one database, the pinned package `tzdata`: what a day is must not depend on the
machine, nor on the release of the database that an engine carries.

What days are in a contract's zone stands in `contract.time`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_STRIDE = timedelta(hours=6)
"""No zone has changed its offset and changed it back in less (`tests/test_zones.py`)."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Piece:
    """A time (UTC, without a zone, half-open) in which a zone keeps its offset from UTC."""

    start: datetime
    end: datetime
    offset: timedelta


@functools.cache
def zone_named(name: str) -> ZoneInfo:
    """A zone of the database. Raises KeyError for a name that it has not."""
    if name not in names():
        raise KeyError(name)
    with _database().joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@functools.cache
def names() -> frozenset[str]:
    listed = _database().joinpath("zones").read_text(encoding="utf-8")
    return frozenset(listed.split())


def _database() -> Traversable:
    from importlib import resources  # which not every command needs

    return resources.files("tzdata")


@functools.lru_cache(maxsize=1 << 12)
def pieces(name: str, start: datetime, end: datetime) -> tuple[Piece, ...]:
    """The offsets of a zone from `start` to `end` (UTC), in order, without a gap."""
    zone = zone_named(name)
    marks = [start]
    while marks[-1] < end:
        marks.append(min(marks[-1] + _STRIDE, end))
    offsets = [_offset(zone, at) for at in marks]
    changes: list[datetime] = []
    if len(set(offsets)) > 1:
        stretches = zip(itertools.pairwise(marks), itertools.pairwise(offsets), strict=True)
        for (a, b), (before, after) in stretches:
            changes += _changes(zone, a, b, before, after)
    edges = [start, *(at for at in changes if at < end), end]
    return tuple(Piece(a, b, _offset(zone, a)) for a, b in itertools.pairwise(edges))


def _changes(
    zone: ZoneInfo, start: datetime, end: datetime, before: timedelta, after: timedelta
) -> Iterator[datetime]:
    """The first moments of new offsets, to the second, by halving."""
    if before == after:
        return
    if end - start <= _SECOND:
        yield end
        return
    middle = start + timedelta(seconds=(end - start) // _SECOND // 2)
    between = _offset(zone, middle)
    yield from _changes(zone, start, middle, before, between)
    yield from _changes(zone, middle, end, between, after)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    found = at.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert found is not None
    return found
