"""The outbox: numbered files of proposals below `<lake>/<env>/outbox/`, in the order of delivery.

A file is `<number>-<kind>-<name>-<digest>.json`; it appears whole and is never changed. What is the
newest of a kind and name already is not written again, so emitting twice makes no new file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import StorageError, storage_errors
from ..settings import Settings
from .incidents import Incident
from .proposals import Proposal

Kind = Literal["definitions", "dataset", "lineage", "run"]
_NAME = re.compile(r"(\d{8,})-([a-z]+)-(.+)-([0-9a-f]{16})\.json")
STATE = "state.json"


@dataclass(frozen=True)
class OutboxFile:
    """One file of the outbox, as its name tells."""

    path: Path
    number: int
    kind: str
    name: str
    digest: str

    def read(self) -> list[Proposal]:
        """Its proposals. Raises StorageError when it is damaged."""
        try:
            found: list[Proposal] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as broken:
            raise StorageError(
                f"not a file of proposals: {broken}",
                where=str(self.path),
                fix="remove it and make it again: lakebook datahub emit --all",
            ) from None
        return found


@dataclass(frozen=True)
class State:
    """What the files alone do not tell.

    `last`: the run file of the highest number, once the state has what follows from it. `number`:
    the highest there ever was, also when files were removed. `since`: days before hold no run that
    was not emitted. `is_whole`: open incidents are known; False while all runs are gone through.
    `described`: what each step's datasets were described from, as a digest.
    """

    is_whole: bool = True
    last: str = ""
    number: int = 0
    since: str = ""
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """The outbox of an environment, while this process holds its lock (`open_outbox`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._newest = {(file.kind, file.name): file for file in list_files(folder)}
        self.state = read_state(folder / STATE) or State(is_whole=not self.names("run"))
        numbers = [file.number for file in self._newest.values()]
        self._number = max(self.state.number, *numbers, 0)

    def names(self, kind: Kind) -> set[str]:
        return {name for one, name in self._newest if one == kind}

    def newest(self, kind: Kind) -> list[OutboxFile]:
        """The newest file of each name, in the order of delivery."""
        files = [file for (one, _), file in self._newest.items() if one == kind]
        return sorted(files, key=lambda file: file.number)

    def has(self, kind: Kind, name: str) -> bool:
        return (kind, name) in self._newest

    def is_newest(self, kind: Kind, name: str, proposals: Sequence[Proposal]) -> bool:
        """Whether exactly this was emitted last for the name."""
        known = self._newest.get((kind, name))
        return known is not None and known.digest == _digest(_text(proposals))

    def put(self, kind: Kind, name: str, proposals: Sequence[Proposal]) -> Path | None:
        """Write a file, or nothing when it would say what the newest of this name says."""
        if not proposals or self.is_newest(kind, name, proposals):
            return None
        text = _text(proposals)
        number, digest = self._number + 1, _digest(text)
        path = self.folder / f"{number:08d}-{kind}-{name}-{digest}.json"
        write_durably(path, text)
        self._number = number
        self._newest[kind, name] = OutboxFile(path, number, kind, name, digest)
        return path

    def keep(self, **changes: Any) -> None:
        """Write the state with these changes; nothing when there is none."""
        state = State(**{**self.state.__dict__, "number": self._number, **changes})
        if state != self.state:
            known = {key: one.to_json() for key, one in state.incidents.items()}
            raw = {**state.__dict__, "incidents": known}
            write_durably(self.folder / STATE, json.dumps(raw, indent=1))
            self.state = state


def outbox_folder(settings: Settings) -> Path:
    return settings.lake / settings.env / "outbox"


@contextmanager
def open_outbox(settings: Settings) -> Iterator[Outbox]:
    """The outbox for writing; one process at a time."""
    folder = outbox_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "emit.lock"), storage_errors("writing the outbox", folder):
        yield Outbox(folder)


def list_files(folder: Path) -> list[OutboxFile]:
    """The files of an outbox in the order of delivery. Needs no lock."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if match := _NAME.fullmatch(name):
            found.append(OutboxFile(folder / name, int(match[1]), match[2], match[3], match[4]))
    return sorted(found, key=lambda file: file.number)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_durably(path: Path, text: str) -> None:
    """Write a file whole, on disk, before its name is there."""
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def _text(proposals: Sequence[Proposal]) -> str:
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in proposals)
    return f"[\n{lines}\n]\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_state(path: Path) -> State | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as broken:
        raise StorageError(
            f"not the state of an outbox: {broken}",
            where=str(path),
            fix="remove it and run: lakebook datahub emit --all",
        ) from None
    known = {key: Incident.from_json(one) for key, one in raw.pop("incidents", {}).items()}
    return State(**raw, incidents=known)
