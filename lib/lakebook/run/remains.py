"""Where a subject's values still stand: reports, notebooks, other tables, logs. For review.

Files are decoded and searched in the forms in which JSON, HTML and URLs write a text. Executed
notebooks and their reports are part of the record of what ran; nothing here changes them.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..contract.model import TableContract
from ..contract.types import TYPES
from ..delta.place import TIERS
from ..names import PROD
from ..settings import Settings
from ..site.scan import PRUNED
from ..tiers.erasure.hunt import Hunt
from ..tiers.erasure.needles import SHORTEST, needles_of, text_forms
from ..tiers.erasure.search import apart, files_below
from ..tiers.erasure.subject import Condition, Subject
from ..tiers.erasure.values import Values
from .unfinished import is_kept

_GENERATED = ("target", "logs")  # of dbt
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
        self.keys = {column: p for column, p in patterns.items() if p is not None}
        self._patterns = list(self.keys.values())
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


def hunt_for(
    datasets: Sequence[TableContract], subject: Subject, values: Values
) -> tuple[Hunt, tuple[str, ...]]:
    """A search for the key and for what is the subject's alone; the columns with values that are
    too short, or too common, to be searched as text.
    """
    words = {"prod", "true", "false", "null", "none", *TIERS, *TYPES}
    times = set()
    for contract in datasets:
        words |= {contract.dataset.layer, contract.dataset.name, str(contract.dataset)}
        words |= {name.casefold() for name in contract.names}
        times |= {contract.time.column} if contract.time else set()
    texts = TextSearch(subject)
    needles = needles_of(values, words, times)
    left_out = dict.fromkeys((*texts.left_out, *needles.left_out))
    searched = set(texts.keys)
    return Hunt(needles, texts.keys), tuple(name for name in left_out if name not in searched)


def all_files(settings: Settings) -> Iterator[Path]:
    """Every file below the roots, and what the checkout has of notebooks and of generated files."""
    roots = settings.roots
    below = apart([roots.hot, roots.warm, roots.cold])
    for root in below:
        yield from (path for path in files_below(root) if not is_kept(settings, path))
    generated = [settings.notebooks, *(settings.dbt / name for name in _GENERATED)]
    generated.append(settings.root / ".lakebook")
    for folder in generated:
        if not any(folder.resolve().is_relative_to(root) for root in below):
            names = files_below(folder)
            yield from (p for p in names if folder != settings.notebooks or p.suffix == ".ipynb")
    # Plans of tiers and exported reports lie where people keep them: most often here.
    yield from (p for p in sorted(settings.root.glob("*.*")) if p.suffix in (".json", ".html"))


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
        return re.compile(b"|".join(map(re.escape, sorted(text_forms(condition.text)))))
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


_FOLDERS = {
    "site": "report site",
    "outbox": "catalog outbox",
    "docs": "Data Docs",
    "state": "state",
    "pins": "pin",
}


def _kind(settings: Settings, path: Path) -> tuple[str, str, str]:
    """Kind, environment and name of what a file is part of."""
    given = (settings.lake, settings.roots.warm, settings.roots.cold)
    roots = [one for root in given for one in (root, root.resolve())]
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        is_ours = path.is_relative_to(settings.root)
        kind = "notebook" if path.suffix == ".ipynb" else "file"
        return kind, "", str(path.relative_to(settings.root) if is_ours else path)
    if path.relative_to(root).parts[:1] == (settings.state.name,):
        return "cache", "", ""
    env, *rest = path.relative_to(root).parts
    if rest[:1] == ["runs"] and (len(rest) > 3 or path.name.endswith(PRUNED)):
        return "run", env, rest[2].removesuffix(PRUNED)
    if rest and rest[0] in _FOLDERS:
        return _FOLDERS[rest[0]], env, ""
    if rest[:1] in (["hot"], ["warm"], ["cold"]) and len(rest) > 3:
        return "table", env, f"{rest[1]}.{rest[2]}"
    return "other", env if rest else PROD, ""
