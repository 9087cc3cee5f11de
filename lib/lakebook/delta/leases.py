"""Leases: a reader, a run or an environment's pin says which files it still needs.

A lease names files, not only a version: the log entries of an old version go before its files do.
Files that lie in another table (warm, below a hot one) are named by a lease of the same id there.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..files import make_folder
from .disk import put
from .snapshot import Snapshot
from .staging import doomed_paths

LEASES = "_leases"


@dataclass(frozen=True)
class Lease:
    """A promise that some files stay until `expires` (seconds since 1970).

    `files` are relative to the table; `beside` are leases on files of other tables.
    """

    table: Path
    id: str
    holder: str
    version: int
    heartbeat: float
    expires: float
    files: tuple[str, ...]
    beside: tuple[Lease, ...] = ()

    @property
    def path(self) -> Path:
        return self.table / LEASES / f"{self.id}.json"


def take_lease(snapshot: Snapshot, holder: str, *, ttl_s: float = 3600.0) -> Lease:
    """Keep the files of a snapshot from vacuum until `release`; `heartbeat` prolongs it.

    Raises RunError if a vacuum is already taking some of them.
    """
    now = time.time()
    lease = Lease(
        table=snapshot.table,
        id=uuid.uuid4().hex,
        holder=holder,
        version=snapshot.version,
        heartbeat=now,
        expires=now + ttl_s,
        files=(),
    )
    files = _by_table(snapshot)
    own = tuple(files.pop(snapshot.table, ()))
    beside = tuple(replace(lease, table=t, files=tuple(names)) for t, names in files.items())
    lease = replace(lease, files=own, beside=beside)
    _write(lease)
    # Written first, then looked: a vacuum marks first, then looks for leases.
    for one in (lease, *beside):
        if not doomed_paths(one.table).isdisjoint(one.files):
            release(lease)
            raise RunError(
                f"files of version {snapshot.version} are being deleted by a vacuum",
                where=str(one.table),
                fix="open the table again",
            )
    return lease


def _by_table(snapshot: Snapshot) -> dict[Path, list[str]]:
    """Names of a snapshot's files by the table that they lie in."""
    found: dict[Path, list[str]] = {}
    for file in snapshot.files:
        path, table = Path(file.path), snapshot.table
        if path.is_absolute():
            table = path.parents[len(snapshot.partition_columns)]
            path = path.relative_to(table)
        found.setdefault(table, []).append(path.as_posix())
    return found


def heartbeat(lease: Lease, *, ttl_s: float = 3600.0) -> Lease:
    """Prolong a lease; RunError if it has run out and may have been ignored already."""
    now = time.time()
    if now >= lease.expires or not all(one.path.exists() for one in (lease, *lease.beside)):
        raise RunError(
            f"the lease of {lease.holder} on version {lease.version} has run out",
            where=str(lease.table),
            fix="open the table again",
        )
    beside = tuple(replace(one, heartbeat=now, expires=now + ttl_s) for one in lease.beside)
    renewed = replace(lease, heartbeat=now, expires=now + ttl_s, beside=beside)
    _write(renewed)
    return renewed


def release(lease: Lease) -> None:
    """End a lease; ending it twice is no error."""
    for one in (*lease.beside, lease):
        one.path.unlink(missing_ok=True)


def read_leases(table: Path, *, now: float | None = None) -> tuple[Lease, ...]:
    """Leases that have not run out."""
    moment = time.time() if now is None else now
    return tuple(lease for lease in _all(table) if lease.expires > moment)


def _all(table: Path) -> Iterator[Lease]:
    for path in sorted((table / LEASES).glob("[!.]*.json")):
        with contextlib.suppress(FileNotFoundError):  # released meanwhile
            yield _read(table, path)


def _read(table: Path, path: Path) -> Lease:
    raw: dict[str, Any] = json.loads(path.read_text())
    beside = []
    for name in raw.pop("beside", ()):
        other = Path(name)
        with contextlib.suppress(FileNotFoundError):
            beside.append(_read(other, other / LEASES / path.name))
    return Lease(**{**raw, "table": table, "files": tuple(raw["files"])}, beside=tuple(beside))


def _write(lease: Lease) -> None:
    """Those on other tables first: whoever knows the lease knows that they stand."""
    for one in lease.beside:
        _write(one)
    raw = {f.name: getattr(lease, f.name) for f in fields(lease) if f.name != "table"}
    raw["beside"] = [str(one.table) for one in lease.beside]
    make_folder(lease.path.parent)
    put(lease.path, json.dumps(raw).encode())
