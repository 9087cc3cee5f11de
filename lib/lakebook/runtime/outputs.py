"""What a cell shows, as it comes: streams of one name are one text, and there is a cap on all.

nbclient joins streams when the cell has ended, by patterns whose time grows with the square of a
line; here each piece is looked at once, and a flood costs no more memory than the caps.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

HEAD, TAIL = 4_000_000, 1_000_000
"""Characters of one stream of a cell that are kept: its first ones and its last ones."""

SHOWN = 5_000
"""Outputs of a cell that are kept."""

SHOWN_SIZE = 200_000_000
"""Characters of a cell's outputs that are kept."""


class Text:
    """One stream's text, of which the beginning and the end are kept."""

    def __init__(self) -> None:
        self._head = ""
        self._pieces: list[str] = []
        self._size = 0
        self._left_out = 0

    def add(self, piece: str) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > HEAD + 2 * TAIL:
            self._settle()

    def __str__(self) -> str:
        self._settle()
        rest = "".join(self._pieces)
        if not self._left_out:
            return self._head + rest
        return (
            f"{self._head}\n[{self._left_out:,} characters are left out here: of what a cell "
            f"prints, the first {HEAD:,} and the last {TAIL:,} are kept]\n{rest}"
        )

    def _settle(self) -> None:
        """Draw over what a carriage return goes back to, then cut what is too much."""
        text = overwritten("".join(self._pieces))
        room = HEAD - len(self._head)
        if self._left_out == 0 and len(text) > room + TAIL:
            self._head, text = self._head + text[:room], text[room:]
        if self._head and len(text) > TAIL:
            self._left_out += len(text) - TAIL
            text = text[-TAIL:]
        self._pieces, self._size = [text], len(text)


def overwritten(text: str) -> str:
    """Lines as a terminal shows them in the end: from behind the last carriage return on."""
    if "\r" not in text:
        return text
    return "\n".join(_of_line(line) for line in text.split("\n"))


def _of_line(line: str) -> str:
    # One at the very end has nothing behind it yet.
    return line[line.rfind("\r", 0, max(0, len(line) - 1)) + 1 :]


class Kept:
    """What is kept of one cell's outputs, beside nbclient's list of them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """The cell begins, or takes back what it has shown."""
        self._texts: dict[str, tuple[Any, Text]] = {}
        self._shown = self._size = self.left_out = 0

    def joins(self, piece: Mapping[str, Any]) -> bool:
        """Add a piece of a stream to what stands of it; False where nothing does."""
        known = self._texts.get(piece["name"])
        if known is not None:
            known[1].add(piece["text"])
        return known is not None

    def begin(self, node: Any) -> None:
        """An output that now stands in the list has a stream's first piece."""
        text = Text()
        text.add(node["text"])
        self._texts[node["name"]] = (node, text)

    def has_room(self, data: Mapping[str, Any]) -> bool:
        """Whether another display is kept; one that is not is counted."""
        size = sum(map(_length, data.values()))
        if self._shown >= SHOWN or self._size + size > SHOWN_SIZE:
            self.left_out += 1
            return False
        self._shown, self._size = self._shown + 1, self._size + size
        return True

    def settle(self) -> str:
        """Give each stream its text; return what is to be said of the rest."""
        for node, text in self._texts.values():
            node["text"] = str(text)
        if not self.left_out:
            return ""
        return f"[{self.left_out:,} more outputs are left out: of a cell, {SHOWN:,} are kept]"


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(repr(value))


def in_order(outputs: list[Any]) -> list[Any]:
    """What was printed before what was complained, where they are neighbours: they come on two
    ways, whose order is by chance."""
    ordered = list(outputs)
    for at, (one, other) in enumerate(itertools.pairwise(outputs)):
        if (one.get("name"), other.get("name")) == ("stderr", "stdout"):
            ordered[at : at + 2] = [other, one]
    return ordered
