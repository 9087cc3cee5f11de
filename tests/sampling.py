"""Which part of a long suite a run takes: all of it by `make soak`, else a sample.

The sample is drawn from the commit's hash: a landing can be repeated, and every other tries others.
"""

from __future__ import annotations

import functools
import hashlib
import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def is_soak() -> bool:
    return os.environ.get("LAKEBOOK_SOAK") == "1"


def seed(salt: str) -> int:
    """A seed of 64 bits by the commit and the suite's own name; LAKEBOOK_SEED repeats one."""
    return int.from_bytes(hashlib.sha256(f"{_commit()} {salt}".encode()).digest()[:8], "big")


def chosen(items: Sequence[T], count: int, salt: str) -> list[T]:
    """All items in a soak, else `count` of them, in their order."""
    return drawn(items, len(items) if is_soak() else count, salt)


def drawn(items: Sequence[T], count: int, salt: str) -> list[T]:
    """`count` of the items, in a soak too, in their order."""
    if count >= len(items):
        return list(items)
    places = sorted(random.Random(seed(salt)).sample(range(len(items)), count))
    return [items[place] for place in places]


def examples(short: int, soak: int) -> int:
    """How many examples a property draws."""
    return soak if is_soak() else short


@functools.cache
def _commit() -> str:
    given = os.environ.get("LAKEBOOK_SEED")
    if given:
        return given
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "no commit"
