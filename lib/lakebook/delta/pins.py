"""Pins: which version of prod's tables an environment reads, so that prod may move on beneath it.

A pin is a lease (`leases.py`) with a name: made at an environment's first look at a dataset,
renewed by use, and moved on request. It keeps what the log said of its version, since log entries
go after 30 days whoever still reads them.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import StorageError, UserError, storage_errors
from ..files import make_folder
from ..names import PROD, Dataset, Roots, TierTables, tier_tables
from .agreement import kept_settings
from .disk import put
from .leases import heartbeat, read_leases, release, take_lease
from .snapshot import DataFile, Snapshot
from .whole import open_whole

DAY_S = 86_400.0
_RENEW_S = 3600.0  # a read writes nothing if the pin was renewed within the hour


@dataclass(frozen=True)
class Pin:
    """An environment's version of one dataset of prod. Times are seconds since 1970.

    `lease` names the lease that keeps its files; empty where prod's folder could not be written to.
    """

    dataset: str
    version: int
    pinned: float = 0.0
    heartbeat: float = 0.0
    expires: float = 0.0
    lease: str = ""

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


@dataclass(frozen=True)
class Pins:
    """The pins of one environment. `days`: how long one lasts without being used.

    `roots`: of the lake; the environment itself is in hot's.
    """

    roots: Roots
    env: str
    days: float = 7.0

    @property
    def folder(self) -> Path:
        return self.roots.hot / self.env / "pins"

    def all(self) -> tuple[Pin, ...]:
        """Every pin, in order of the datasets; a damaged one has the version -1."""
        return tuple(self._any(path.stem) for path in sorted(self.folder.glob("*.json")))

    def _any(self, dataset: str) -> Pin:
        try:
            return self.get(dataset) or Pin(dataset, -1)
        except StorageError:
            return Pin(dataset, -1)

    def get(self, dataset: Dataset | str) -> Pin | None:
        """The pin of a dataset as it is, expired or not. Raises StorageError for a damaged one."""
        path = self._path(dataset)
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return Pin(**raw)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as broken:
            raise StorageError(
                f"not a pin: {broken}", where=str(path), fix=self._way_out(dataset)
            ) from None

    def snapshot(self, dataset: Dataset) -> Snapshot:
        """Prod's table as this environment reads it; the newest version is pinned the first time.

        Raises UserError if the pin has expired: vacuum may have taken its files.
        """
        pin = self.get(dataset)
        if pin is None or _is_old(pin, self.days):
            with storage_errors("pinning a version of prod", self.folder), self._alone():
                pin = self.get(dataset)  # perhaps somebody was faster
                if pin is None:
                    return self._make(dataset)
                if _is_old(pin, self.days) and pin.expires > time.time():
                    self._renew(dataset, pin)
        if pin.expires <= time.time():
            raise UserError(
                f"{dataset}: the environment {self.env!r} reads version {pin.version} of prod, and "
                f"that pin expired on {pin.until:%Y-%m-%d %H:%M} UTC",
                fix=f"move it to the newest version: {self._way_out(dataset)}",
            )
        return self._kept(dataset, pin)

    def look(self, dataset: Dataset) -> Snapshot:
        """As `snapshot`, for reports: nothing is pinned or renewed, and an expired pin will do."""
        pin = self.get(dataset)
        if pin is None or not self._kept_path(dataset, pin.version).is_file():
            return self._newest(dataset)
        return self._kept(dataset, pin)

    def move(self, dataset: Dataset) -> tuple[Pin, Pin]:
        """Move a pin to prod's newest version, or renew one that is there; give both."""
        with storage_errors("moving a pin", self.folder), self._alone():
            before = self._any(str(dataset))
            newest = self._newest(dataset)
            if newest.version < 0:
                raise StorageError(f"prod has no table {dataset} any more", where=str(newest.table))
            self._put(dataset, newest)
            after = self.get(dataset)
            assert after is not None
            self._release(dataset, before)
            for path in self.folder.glob(f"{dataset}.*.snapshot"):
                if path != self._kept_path(dataset, after.version):
                    path.unlink(missing_ok=True)
        return before, after

    def find(self, dataset: Dataset | str) -> Pin | None:
        """The pin of a dataset, if there is one; a damaged one has the version -1."""
        return self._any(str(dataset)) if self._path(dataset).is_file() else None

    def forget(self, dataset: Dataset | str) -> None:
        """Let go of a version of prod whose table goes."""
        if self.find(dataset) is None:
            return
        with storage_errors("giving up a pin", self.folder), self._alone():
            self._release(Dataset.parse(str(dataset)), self._any(str(dataset)))
            for path in self.folder.glob(f"{dataset}.*.snapshot"):
                path.unlink(missing_ok=True)
            self._path(dataset).unlink(missing_ok=True)

    def release_all(self, roots: Roots) -> None:
        """Let go of what the pins keep in a lake's prod, before their folder goes."""
        for pin in self.all():
            replace(self, roots=roots)._release(Dataset.parse(pin.dataset), pin)

    # -- files -----------------------------------------------------------------------------------

    def _make(self, dataset: Dataset) -> Snapshot:
        newest = self._newest(dataset)
        if newest.version >= 0:  # else there is nothing to hold on to
            self._put(dataset, newest)
        return newest

    def _put(self, dataset: Dataset, newest: Snapshot) -> None:
        """The lease first, the pin last: a kill in between leaves a lease that runs out."""
        lease, now = self._take(newest), time.time()
        put(self._kept_path(dataset, newest.version), _dump(newest))
        expires = now + self.days * DAY_S
        self._write(dataset, Pin(str(dataset), newest.version, now, now, expires, lease))

    def _renew(self, dataset: Dataset, pin: Pin) -> None:
        table, ttl_s = self._tables(dataset).hot, self.days * DAY_S
        lease = next((one for one in read_leases(table) if one.id == pin.lease), None)
        if lease is None:
            name = self._take(self._kept(dataset, pin))
        else:
            name = heartbeat(lease, ttl_s=ttl_s).id
        now = time.time()
        self._write(dataset, replace(pin, heartbeat=now, expires=now + ttl_s, lease=name))

    def _take(self, snapshot: Snapshot) -> str:
        """A lease on hot's files, and beside it one on warm's."""
        try:
            return take_lease(snapshot, f"the environment {self.env}", ttl_s=self.days * DAY_S).id
        except PermissionError:  # who may only read prod reads it all the same
            return ""

    def _release(self, dataset: Dataset, pin: Pin) -> None:
        for lease in read_leases(self._tables(dataset).hot):
            if lease.id == pin.lease:
                release(lease)

    def _tables(self, dataset: Dataset) -> TierTables:
        return tier_tables(self.roots, dataset)

    def _newest(self, dataset: Dataset) -> Snapshot:
        tables = self._tables(dataset)
        return open_whole(tables.hot, tables.warm)

    def _write(self, dataset: Dataset, pin: Pin) -> None:
        put(self._path(dataset), json.dumps(asdict(pin)).encode())

    def _kept(self, dataset: Dataset, pin: Pin) -> Snapshot:
        for _ in range(2):
            path = self._kept_path(dataset, pin.version)
            try:
                return _load(self._tables(dataset).hot, path.read_bytes())
            except FileNotFoundError:  # moved on meanwhile
                pin = self.get(dataset) or pin
        raise StorageError(
            f"the pin of {dataset} lacks {path.name}",
            where=str(self.folder),
            fix=f"make it anew: {self._way_out(dataset)}",
        )

    def _way_out(self, dataset: Dataset | str) -> str:
        return f"lakebook env refresh {self.env} {dataset}"

    def _path(self, dataset: Dataset | str) -> Path:
        return self.folder / f"{dataset}.json"

    def _kept_path(self, dataset: Dataset, version: int) -> Path:
        return self.folder / f"{dataset}.{version}.snapshot"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the pins of an environment."""
        assert self.env != PROD
        make_folder(self.folder)
        lock = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _is_old(pin: Pin, days: float) -> bool:
    return time.time() - pin.heartbeat > min(_RENEW_S, days * DAY_S / 10)


def _dump(snapshot: Snapshot) -> bytes:
    schema = None if snapshot.schema is None else snapshot.schema.serialize().to_pybytes()
    raw = {
        "version": snapshot.version,
        "files": [list(astuple(file)) for file in snapshot.files],
        "tokens": dict(snapshot.tokens),
        "schema": None if schema is None else base64.b64encode(schema).decode(),
        "partition_columns": list(snapshot.partition_columns),
        "configuration": kept_settings(snapshot),
    }
    return json.dumps(raw).encode()


def _load(table: Path, content: bytes) -> Snapshot:
    import pyarrow as pa

    raw = json.loads(content)
    schema = raw["schema"] and pa.ipc.read_schema(pa.py_buffer(base64.b64decode(raw["schema"])))
    return Snapshot(
        table=table,
        version=raw["version"],
        files=tuple(DataFile(*file) for file in raw["files"]),
        tokens=raw["tokens"],
        schema=schema,
        partition_columns=tuple(raw["partition_columns"]),
        metadata={"configuration": raw.get("configuration") or {}},
    )
