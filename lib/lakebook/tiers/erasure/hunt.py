"""Looks for a subject's values in files of any kind, decoded: the key, and what is theirs alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from .needles import Needle, Needles
from .texts import Text, Undecoded, parts_of

_BATCH = 16 << 20  # bytes that are looked through at once


@dataclass
class Searched:
    """files, size_bytes: what was searched. undecoded: files that could not be decoded, or parts of
    them, with the reason. unread: files that could not even be read.
    """

    files: int = 0
    size_bytes: int = 0
    undecoded: dict[Path, str] = field(default_factory=dict)
    unread: dict[Path, str] = field(default_factory=dict)


class Hunt:
    """A search for every needle, and for keys that must all stand in a file.

    keys: column -> the forms of the key's value, of those that are long enough.
    """

    def __init__(self, needles: Needles, keys: dict[str, re.Pattern[bytes]]) -> None:
        self._by_form: dict[str, list[Needle]] = {}
        for needle in needles.all:
            self._by_form.setdefault(needle.form.decode("latin-1"), []).append(needle)
        self._forms = list(self._by_form)
        self._keys = keys

    def through(self, paths: Iterable[Path], told: Searched | None = None) -> Iterator[Path]:
        """The files that hold a value, in order. One that is gone holds none."""
        told = told if told is not None else Searched()
        found: dict[Path, set[str]] = {}
        for group in _batches(paths, told):
            for path, columns in self._look(group).items():
                found.setdefault(path, set()).update(columns)
        yield from (path for path, columns in found.items() if self._is_hit(columns))

    def is_in(self, content: bytes) -> bool:
        """Whether some bytes hold a value."""
        here = Path()
        return self._is_hit(self._look([(here, Text(content))]).get(here, set()))

    def without(self, text: str) -> str:
        """A text with every value replaced."""
        content = text.encode("utf-8", "surrogatepass")
        for needle in (one for found in self._by_form.values() for one in found):
            content = needle.pattern.sub(b"(erased)", content)
        if len(self._keys) == 1:
            for pattern in self._keys.values():
                content = pattern.sub(b"(erased)", content)
        return content.decode("utf-8", "replace")

    def _is_hit(self, found: set[str]) -> bool:
        keys = {f"key {column}" for column in self._keys}
        return bool(found - keys) or bool(keys and keys <= found)

    def _look(self, group: Sequence[tuple[Path, Text]]) -> dict[Path, set[str]]:
        """The columns of the values that each file holds; of keys with `key` before them."""
        found: dict[Path, set[str]] = {}
        for path, text in group:
            for column, pattern in self._keys.items():
                if pattern.search(text.content):
                    found.setdefault(path, set()).add(f"key {column}")
        for path, text, needle in self._candidates(group):
            is_meant = text.figures or not needle.is_number
            if is_meant and needle.pattern.search(text.content):
                found.setdefault(path, set()).add(needle.column)
        return found

    def _candidates(
        self, group: Sequence[tuple[Path, Text]]
    ) -> Iterator[tuple[Path, Text, Needle]]:
        if not self._forms:
            return
        import polars as pl

        # One byte, one character: so that any bytes can be searched for any others.
        texts = pl.Series([text.content.decode("latin-1") for _, text in group])
        may = texts.str.contains_any(self._forms)
        for at in may.arg_true():
            matches = texts[at : at + 1].str.extract_many(self._forms, overlapping=True)
            for form in matches.explode().unique():
                for needle in self._by_form[form]:
                    yield (*group[at], needle)


def _batches(paths: Iterable[Path], told: Searched) -> Iterator[list[tuple[Path, Text]]]:
    """Texts of files, so many at once as fit into the memory that is meant for them."""
    group: list[tuple[Path, Text]] = []
    size = 0
    for path in paths:
        try:
            told.size_bytes += path.stat().st_size
            for part in parts_of(path):
                if isinstance(part, Undecoded):
                    told.undecoded[path] = part.reason
                    continue
                group.append((path, part))
                size += len(part.content)
                if size > _BATCH:
                    yield group
                    group, size = [], 0
            told.files += 1
        except FileNotFoundError:
            continue
        except (OSError, ValueError, pa.ArrowException) as broken:
            told.unread[path] = str(broken).splitlines()[0] if str(broken) else "it is damaged"
    if group:
        yield group
