"""Where a subject's values still stand as text: reports, notebooks, logs, caches. For review.

Files are searched byte for byte, in the forms in which JSON, HTML and URLs write a text. Executed
notebooks and their reports are part of the record of what ran; nothing here changes them.
"""

from __future__ import annotations

import html
import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ..names import PROD
from ..settings import Settings
from ..tiers.erasure.search import apart, files_below, is_parquet
from ..tiers.erasure.subject import Condition, Subject

SHORTEST = 4
"""Characters below which a value stands everywhere and is not searched as text."""

_TEXTS = ("string", "binary")
_NO_LETTER_BEFORE = rb"(?:(?<![0-9A-Za-z.])|(?<=\\n)|(?<=\\t))"
_NO_LETTER_AFTER = rb"(?![0-9A-Za-z]|\.[0-9])"


@dataclass
class Remains:
    """Files of one kind that hold the values. `name`: of the run, the dataset, or empty."""

    kind: str  # run | report site | catalog outbox | Data Docs | notebook | table | cache | other
    env: str
    name: str
    files: list[Path] = field(default_factory=list)


class TextSearch:
    """Finds files that hold every value of a subject that is long enough to be told apart.

    `left_out`: columns whose values are too short to be searched.
    """

    def __init__(self, subject: Subject) -> None:
        patterns = {c.column: _pattern(c) for c in subject.conditions}
        self._patterns = [p for p in patterns.values() if p is not None]
        self.left_out = tuple(column for column, p in patterns.items() if p is None)

    def through(self, paths: Iterable[Path]) -> Iterator[Path]:
        if not self._patterns:
            return
        for path in paths:
            if self._is_in(path):
                yield path

    def _is_in(self, path: Path) -> bool:
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as text:
                return all(pattern.search(text) for pattern in self._patterns)
        except (OSError, ValueError):  # gone, or of no bytes
            return False


def text_files(settings: Settings) -> Iterator[Path]:
    """Every file below the roots that is not Parquet, and the notebooks of the checkout."""
    roots = settings.roots
    for root in apart([roots.hot, roots.warm, roots.cold]):
        yield from (path for path in files_below(root) if not is_parquet(path))
    notebooks = settings.notebooks
    if not any(notebooks.is_relative_to(root) for root in apart([roots.hot])):
        yield from (path for path in files_below(notebooks) if path.suffix == ".ipynb")


def remains(settings: Settings, paths: Iterable[Path]) -> tuple[Remains, ...]:
    """The files by what they are part of, in that order."""
    groups: dict[tuple[str, str, str], Remains] = {}
    for path in paths:
        key = _kind(settings, path)
        groups.setdefault(key, Remains(*key)).files.append(path)
    return tuple(groups[key] for key in sorted(groups))


def _pattern(condition: Condition) -> re.Pattern[bytes] | None:
    """What to look for; None for a value that is too short."""
    if condition.type in _TEXTS:
        if len(condition.text) < SHORTEST:
            return None
        return re.compile(b"|".join(map(re.escape, sorted(_forms(condition.text)))))
    value = condition.value
    texts = {condition.text, str(value)}
    if condition.type == "timestamp":
        texts |= {value.isoformat(), value.isoformat(" ")}
    elif condition.type.startswith("int"):
        texts.add(f"{value:,}")
    if condition.type == "boolean" or min(map(len, texts)) < SHORTEST:
        return None
    either = b"|".join(re.escape(text.encode()) for text in sorted(texts))
    return re.compile(_NO_LETTER_BEFORE + b"(?:" + either + b")" + _NO_LETTER_AFTER)


def _forms(text: str) -> set[bytes]:
    """A text as it stands, in HTML, in JSON, in HTML within JSON, in JSON within JSON, in a URL."""
    plain = {text, html.escape(text), html.escape(text, quote=False), quote(text), quote(text, "")}
    once = {form for one in plain for form in _json(one)}
    twice = {form for one in once for form in _json(one)}
    return {form.encode("utf-8", "surrogatepass") for form in plain | once | twice}


def _json(text: str) -> Iterator[str]:
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


_FOLDERS = {
    "site": "report site",
    "outbox": "catalog outbox",
    "docs": "Data Docs",
    "state": "state",
    "pins": "pin",
}


def _kind(settings: Settings, path: Path) -> tuple[str, str, str]:
    """Kind, environment and name of what a file is part of."""
    roots = (settings.lake, settings.roots.warm, settings.roots.cold)
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        return "notebook", "", str(path.relative_to(settings.root))
    if path.is_relative_to(settings.state):
        return "cache", "", ""
    env, *rest = path.relative_to(root).parts
    if rest[:1] == ["runs"] and len(rest) > 3:
        return "run", env, rest[2]
    if rest and rest[0] in _FOLDERS:
        return _FOLDERS[rest[0]], env, ""
    if rest[:1] in (["hot"], ["warm"], ["cold"]) and len(rest) > 3:
        return "table", env, f"{rest[1]}.{rest[2]}"
    return "other", env if rest else PROD, ""
