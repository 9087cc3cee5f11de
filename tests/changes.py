"""Changes of a checkout's files, one at a time: what must make stale, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Change = Callable[[Path], None]
"""Of the checkout in a folder."""


def edit(name: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        path = root / name
        text = path.read_text()
        assert old in text, name
        path.write_text(text.replace(old, new))

    return change


def put(name: str, text: str) -> Change:
    return lambda root: (root / name).write_text(text) and None
