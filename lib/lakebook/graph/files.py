"""Files that a step's code names by a text and reads without `step.ingest`: they make its rows too.

A text counts if a file stands at its place: from the notebook's folder, where its kernel works, or
absolute. A pattern (`data/*.csv`) and a folder (`data/`) count with the files below. A path that is
put together at run time is not seen.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from .modules import constants_in

_LONGEST = 400
_SIGNS = frozenset("*?[")
_NOT_READ = (".ipynb", ".contract.yaml")  # they count as code and as contract
_FILES_MAX = 1000
"""Of a folder or pattern: more is a lake or a home, and no input of a notebook."""


def may_name(text: str) -> bool:
    """Whether a text may be the path of a file; whether there is one, only the disk says."""
    return 0 < len(text) <= _LONGEST and ("." in text or "/" in text) and "\n" not in text


def texts_in(tree: ast.AST) -> Iterator[str]:
    """The texts in some code that may be paths."""
    return (text for text in constants_in(tree) if may_name(text))


def named_files(folder: Path, texts: Iterable[str]) -> tuple[Path, ...]:
    """The files that are there now, in order of their paths. `folder`: of the notebook."""
    found: set[Path] = set()
    for text in texts:
        try:
            found.update(p for p in _files(folder, text) if not p.name.endswith(_NOT_READ))
        except (OSError, ValueError):  # a text that no file system takes
            continue
    return tuple(sorted(found))


def _files(folder: Path, text: str) -> list[Path]:
    place = folder / text
    if place.is_file():
        return [place.resolve()]
    if any(sign in text for sign in _SIGNS):
        fixed = list(itertools.takewhile(lambda part: not _SIGNS & set(part), Path(text).parts))
        pattern = Path(text).relative_to(Path(*fixed)) if fixed else Path(text)
        if Path(text).is_absolute() and len(fixed) < 2:  # a regular expression, most likely
            return []
        return _few(path for path in folder.joinpath(*fixed).glob(str(pattern)) if path.is_file())
    if "/" in text and place.is_dir() and not folder.resolve().is_relative_to(place.resolve()):
        return _few(path for path in place.rglob("*") if path.is_file())
    return []


def _few(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if len(found) == _FILES_MAX:
            return []
        found.append(path.resolve())
    return found
