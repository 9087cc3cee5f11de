"""Copies Parquet files as they are into a stage, byte by byte, with their checksum in the name.

The kernel copies; one thread after it hashes what has arrived, and another makes it durable.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from ..delta.checksums import name_with_checksum
from ..delta.damage import MISSING
from ..delta.disk import sync_folder
from ..delta.faults import fault_point
from ..delta.snapshot import rows_in
from ..delta.staging import Stage
from ..delta.transaction import NewFile
from ..errors import DamageError, storage_errors

_CHUNK = 8 << 20
_BUFFER = 1 << 18  # small enough to stay in the processor's cache while it is hashed
_THREADS = 2
_SYNCS = 4  # at once: the file system makes them durable together
_BEHIND = 4  # files that may wait for their checksum: so late is a damaged one found
_NOT_IN_KERNEL = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


@dataclass(frozen=True)
class Source:
    """A file to copy. `expected`: its SHA-256 in hex, or the beginning of it, where it is known."""

    partition: str
    path: Path
    stats_json: str
    size_bytes: int
    expected: str | None = None

    @property
    def rows(self) -> int:
        return rows_in(self.stats_json)


@dataclass(frozen=True)
class _Copied:
    """A file that was copied, and may still be being hashed."""

    source: Source
    path: Path
    checksum: Future[str]


def copy_files(stage: Stage, sources: Sequence[Source]) -> dict[str, list[NewFile]]:
    """Copy files into a stage, durably; give what to commit, by partition.

    Raises DamageError naming the source if it is missing, or not what it was.
    """
    copied: dict[str, list[NewFile]] = {}
    numbers: dict[str, int] = {}
    folders: set[Path] = set()
    behind: deque[_Copied] = deque()
    syncs: list[Future[None]] = []

    def finish(one: _Copied) -> None:
        new = _named(stage, one)
        folders.update(((stage.table / new.path).parent, stage.table))
        copied.setdefault(one.source.partition, []).append(new)

    with (
        storage_errors("copying files", stage.table),
        ThreadPoolExecutor(_THREADS, "hash") as hasher,
        ThreadPoolExecutor(_SYNCS, "sync") as syncer,
    ):
        for source in sources:
            n = numbers[source.partition] = numbers.get(source.partition, -1) + 1
            path = stage.file_path(source.partition, n)
            try:
                checksum, handle = _copy(source.path, path, hasher)
            except FileNotFoundError:
                raise DamageError(
                    MISSING, where=str(source.path), partition=source.partition
                ) from None
            syncs.append(syncer.submit(_sync, handle, checksum))
            behind.append(_Copied(source, path, checksum))
            while behind and (len(behind) > _BEHIND or behind[0].checksum.done()):
                finish(behind.popleft())
        for one in behind:
            finish(one)
        for sync in syncs:
            sync.result()
        list(syncer.map(sync_folder, sorted(folders)))
    return copied


def _named(stage: Stage, one: _Copied) -> NewFile:
    """Check a copy, and name it by its checksum."""
    source, checksum = one.source, one.checksum.result()
    size = one.path.stat().st_size
    if size != source.size_bytes:
        found = f"it has {size:,} bytes and should have {source.size_bytes:,}"
    elif source.expected and not checksum.startswith(source.expected):
        expected = source.expected[:12]
        found = f"its bytes have the SHA-256 {checksum[:12]}… and should have {expected}…"
    else:
        found = ""
    if found:
        raise DamageError(
            f"{found}: the file is damaged", where=str(source.path), partition=source.partition
        )
    fault_point("copy.before_name")
    named = stage.rename(one.path, name_with_checksum(one.path.name, checksum))
    name = named.relative_to(stage.table).as_posix()
    return NewFile(name, source.partition, size, source.stats_json)


def _copy(source: Path, target: Path, hasher: ThreadPoolExecutor) -> tuple[Future[str], int]:
    """Copy a file; the SHA-256 of what has arrived, and the open handle of the target."""
    with ExitStack() as undo, source.open("rb", buffering=0) as file:
        handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        undo.callback(os.close, handle)
        arrived: SimpleQueue[int] = SimpleQueue()
        checksum = hasher.submit(_checksum, handle, arrived)
        undo.callback(checksum.exception)  # it reads from the handle until it is told of the end
        undo.callback(arrived.put, 0)
        while n := _transfer(file.fileno(), handle):
            arrived.put(n)
        arrived.put(0)
        undo.pop_all()
        return checksum, handle


def _transfer(source: int, target: int) -> int:
    """Copy the next bytes from handle to handle; how many, 0 at the end."""
    try:
        if n := os.copy_file_range(source, target, _CHUNK):
            return n
    except OSError as refused:
        if refused.errno not in _NOT_IN_KERNEL:
            raise
    chunk = os.read(source, _CHUNK)  # two file systems, or one that copies nothing by itself
    view = memoryview(chunk)
    while view:
        view = view[os.write(target, view) :]
    return len(chunk)


def _checksum(handle: int, arrived: SimpleQueue[int]) -> str:
    """The SHA-256 of a file whose parts arrive one after the other."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_BUFFER))
    at = end = 0
    while n := arrived.get():
        end += n
        while at < end:
            read = os.preadv(handle, [buffer[: min(_BUFFER, end - at)]], at)
            if not read:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            digest.update(buffer[:read])
            at += read
    return digest.hexdigest()


def _sync(handle: int, checksum: Future[str]) -> None:
    """Make a file durable; close it when it has been hashed too."""
    try:
        os.fsync(handle)
    finally:
        checksum.exception()
        os.close(handle)
