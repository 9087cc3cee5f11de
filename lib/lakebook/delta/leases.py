"""Leases: a reader, a run or an environment's pin says which files it still needs.

A lease names files, not only a version: the log entries of an old version go before its files do.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RunError
from .disk import put
from .snapshot import Snapshot

LEASES = "_leases"


@dataclass(frozen=True)
class Lease:
    """A promise that some files stay until `expires` (seconds since 1970)."""

    table: Path
    id: str
    holder: str
    version: int
    heartbeat: float
    expires: float
    files: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.table / LEASES / f"{self.id}.json"


def take_lease(snapshot: Snapshot, holder: str, *, ttl_s: float = 3600.0) -> Lease:
    """Keep the files of a snapshot from vacuum until `release`; `heartbeat` prolongs it."""
    now = time.time()
    lease = Lease(
        table=snapshot.table,
        id=uuid.uuid4().hex,
        holder=holder,
        version=snapshot.version,
        heartbeat=now,
        expires=now + ttl_s,
        files=tuple(file.path for file in snapshot.files),
    )
    lease.path.parent.mkdir(parents=True, exist_ok=True)
    _write(lease)
    return lease


def heartbeat(lease: Lease, *, ttl_s: float = 3600.0) -> Lease:
    """Prolong a lease; RunError if it has run out and may have been ignored already."""
    now = time.time()
    if now >= lease.expires or not lease.path.exists():
        raise RunError(
            f"the lease of {lease.holder} on version {lease.version} has run out",
            where=str(lease.table),
            fix="open the table again",
        )
    renewed = replace(lease, heartbeat=now, expires=now + ttl_s)
    _write(renewed)
    return renewed


def release(lease: Lease) -> None:
    """End a lease; ending it twice is no error."""
    lease.path.unlink(missing_ok=True)


def read_leases(table: Path, *, now: float | None = None) -> tuple[Lease, ...]:
    """Leases that have not run out."""
    moment = time.time() if now is None else now
    return tuple(lease for lease in _all(table) if lease.expires > moment)


def _all(table: Path) -> Iterator[Lease]:
    for path in sorted((table / LEASES).glob("[!.]*.json")):
        try:
            raw: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            continue  # released meanwhile
        yield Lease(**{**raw, "table": table, "files": tuple(raw["files"])})


def _write(lease: Lease) -> None:
    raw = {name: value for name, value in asdict(lease).items() if name != "table"}
    put(lease.path, json.dumps(raw).encode())
