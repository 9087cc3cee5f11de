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
from ..files import make_folder, replace_file, sync
from ..settings import Settings
from .incidents import Incident
from .proposals import Proposal

Kind = Literal["definitions", "dataset", "lineage", "tiers", "job", "run"]
_END = re.compile(r"-[0-9a-f]{16}\.json$")
_END_LENGTH = 22
STATE = "state.json"


@dataclass(frozen=True)
class OutboxFile:
    """One file of the outbox, as its name tells."""

    folder: Path
    number: int
    kind: str
    name: str
    digest: str

    @property
    def path(self) -> Path:
        return self.folder / f"{self.number:08d}-{self.kind}-{self.name}-{self.digest}.json"

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
    `described`: what each step's datasets were described from, as a digest. `stored`: the state of
    each dataset's tables when its properties were emitted. `published`: how far each dataset had
    come in time (`freshness`).
    """

    is_whole: bool = True
    last: str = ""
    number: int = 0
    since: str = ""
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """The outbox of an environment, while this process holds its lock (`open_outbox`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Number and digest of the newest file by kind and name. No OutboxFile for each: there may
        # be tens of thousands, and a run waits for this.
        self._newest: dict[str, dict[str, tuple[int, str]]] = {}
        for number, kind, name, digest in _parsed(folder):
            known = self._newest.setdefault(kind, {})
            if name not in known or number > known[name][0]:
                known[name] = number, digest
        self.state = read_state(folder / STATE) or State(is_whole=not self.names("run"))
        highest = {kind: max(known.values()) for kind, known in self._newest.items()}
        self._number = max(self.state.number, *(number for number, _ in highest.values()), 0)
        runs = self._newest.get("run", {})
        self.last_run = max(runs, key=lambda name: runs[name], default="")
        """Of the run file with the highest number."""

    def names(self, kind: Kind) -> set[str]:
        return set(self._newest.get(kind, ()))

    def newest(self, kind: Kind) -> list[OutboxFile]:
        """The newest file of each name, in the order of delivery."""
        known = self._newest.get(kind, {}).items()
        files = [OutboxFile(self.folder, n, kind, name, digest) for name, (n, digest) in known]
        return sorted(files, key=lambda file: file.number)

    def has(self, kind: Kind, name: str) -> bool:
        return name in self._newest.get(kind, ())

    def is_newest(self, kind: Kind, name: str, proposals: Sequence[Proposal]) -> bool:
        """Whether exactly this was emitted last for the name."""
        known = self._newest.get(kind, {}).get(name)
        return known is not None and known[1] == _digest(_text(proposals))

    def put(self, kind: Kind, name: str, proposals: Sequence[Proposal]) -> Path | None:
        """Write a file, or nothing when it would say what the newest of this name says."""
        if not proposals or self.is_newest(kind, name, proposals):
            return None
        text = _text(proposals)
        file = OutboxFile(self.folder, self._number + 1, kind, name, _digest(text))
        write_durably(file.path, text)
        self._number = file.number
        self._newest.setdefault(kind, {})[name] = file.number, file.digest
        if kind == "run":
            self.last_run = name
        return file.path

    def keep(self, **changes: Any) -> None:
        """Write the state with these changes; nothing when there is none."""
        state = State(**{**self.state.__dict__, "number": self._number, **changes})
        if state != self.state:
            known = {key: one.to_json() for key, one in state.incidents.items()}
            raw = {**state.__dict__, "incidents": known}
            sync(self.folder)
            write_durably(self.folder / STATE, json.dumps(raw, indent=1))
            sync(self.folder)
            self.state = state


def outbox_folder(settings: Settings) -> Path:
    return settings.lake / settings.env / "outbox"


@contextmanager
def open_outbox(settings: Settings) -> Iterator[Outbox]:
    """The outbox for writing; one process at a time."""
    folder = outbox_folder(settings)
    with storage_errors("writing the outbox", folder):
        try:
            make_folder(folder)
        except FileExistsError:
            raise StorageError(
                "a file is where the outbox must be", where=str(folder), fix="move it away"
            ) from None
        with locked(folder / "emit.lock"):
            yield Outbox(folder)


def list_files(folder: Path) -> list[OutboxFile]:
    """The files of an outbox in the order of delivery. Needs no lock."""
    return [OutboxFile(folder, *parts) for parts in sorted(_parsed(folder))]


def _parsed(folder: Path) -> Iterator[tuple[int, str, str, str]]:
    """Number, kind, name and digest of each file; what has another name is none of ours."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        number, _, rest = name.partition("-")
        kind, _, rest = rest.partition("-")
        if len(number) >= 8 and number.isdigit() and _END.match(rest, len(rest) - _END_LENGTH):
            yield int(number), kind, rest[:-_END_LENGTH], rest[-_END_LENGTH + 1 : -5]


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
    """Write a file whole, on disk, before its name is there.

    The names are synced once for all of them: before the state speaks of them, and after it.
    """
    replace_file(path, text, mode=0o640)


def _text(proposals: Sequence[Proposal]) -> str:
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in proposals)
    return f"[\n{lines}\n]\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_state(path: Path) -> State | None:
    """The state of an outbox; None where there is none. Raises StorageError for a damaged one."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        known = {key: Incident.from_json(one) for key, one in raw.pop("incidents", {}).items()}
        return State(**raw, incidents=known)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as broken:
        raise StorageError(
            f"not the state of an outbox: {broken}",
            where=str(path),
            fix="remove it and run: lakebook datahub emit --all",
        ) from None
