"""What an erasure keeps until it has come to its end: the values that its proof must search for.

Once the rows are gone nobody could say any more what stood in them beside the key. So the values
are written down before the first row goes, readable by this user alone, and deleted at the end.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..contract.model import TableContract
from ..delta.disk import put
from ..errors import StorageError
from ..files import sync
from ..settings import Settings
from ..tiers.erasure.subject import Subject
from ..tiers.erasure.values import Values

FOLDER = ".erasing"


def is_kept(settings: Settings, path: Path) -> bool:
    """Whether a file is such a note, which no search looks into."""
    return path.parent.name == FOLDER and path.parent.parent == settings.lake.resolve()


def recall(settings: Settings, contract: TableContract, subject: Subject) -> Values:
    """What erasures of the same subject that did not come to their end have noted."""
    values = Values()
    for path, raw in _notes(settings):
        if raw["keys"] == _keys(contract, subject):
            try:
                values.add(Values.from_json(raw["values"]))
            except (ValueError, KeyError, TypeError, ArithmeticError) as broken:
                raise StorageError(
                    f"the note of an unfinished erasure is damaged: {type(broken).__name__}",
                    where=str(path),
                    fix="remove it; the erasure then searches for the key alone",
                ) from None
    return values


def note(settings: Settings, contract: TableContract, subject: Subject, values: Values) -> Path:
    """Keep the values of a subject, durably, and instead of what was kept before."""
    folder = settings.lake / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101 (one that is there may be open to others)
    sync(settings.lake)
    before = [p for p, raw in _notes(settings) if raw["keys"] == _keys(contract, subject)]
    path = folder / f"{secrets.token_hex(8)}.json"
    content = {"keys": _keys(contract, subject), "values": values.to_json()}
    put(path, json.dumps(content).encode())  # the folder keeps others out
    path.chmod(0o600)
    for old in before:
        old.unlink(missing_ok=True)
    return path


def forget(settings: Settings, contract: TableContract, subject: Subject) -> None:
    for path, raw in _notes(settings):
        if raw["keys"] == _keys(contract, subject):
            path.unlink(missing_ok=True)
    folder = settings.lake / FOLDER
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _keys(contract: TableContract, subject: Subject) -> list[list[str]]:
    given = sorted([c.column, c.type, str(c.value)] for c in subject.conditions)
    return [[str(contract.dataset)], *given]


def _notes(settings: Settings) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((settings.lake / FOLDER).glob("*.json")):
        try:
            yield path, json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except ValueError:
            path.unlink(missing_ok=True)  # written whole or not at all: it is none of ours
