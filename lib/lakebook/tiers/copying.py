"""Copies Parquet files as they are into a stage, byte by byte, with their checksum in the name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..delta.disk import sync_folder
from ..delta.faults import fault_point
from ..delta.staging import Stage
from ..delta.transaction import NewFile
from ..errors import StorageError, storage_errors
from .checksums import check_checksum, name_with_checksum

_CHUNK = 4 << 20


@dataclass(frozen=True)
class Source:
    """A file to copy. `expected`: its SHA-256 in hex, or the beginning of it, where it is known."""

    partition: str
    path: Path
    stats_json: str
    size_bytes: int
    expected: str | None = None


def copy_files(stage: Stage, sources: Sequence[Source]) -> dict[str, list[NewFile]]:
    """Copy files into a stage, durably; give what to commit, by partition.

    Raises StorageError naming the source if its bytes are not what they were.
    """
    copied: dict[str, list[NewFile]] = {}
    numbers: dict[str, int] = {}
    with (
        storage_errors("copying files", stage.table),
        ThreadPoolExecutor(1, "hash") as hasher,
        ThreadPoolExecutor(2, "sync") as syncer,
    ):
        syncs: list[Future[None]] = []
        folders: set[Path] = set()
        for source in sources:
            n = numbers[source.partition] = numbers.get(source.partition, -1) + 1
            path = stage.file_path(source.partition, n)
            try:
                checksum, handle = _copy(source.path, path, hasher)
            except FileNotFoundError:
                raise StorageError(
                    "the file is missing",
                    where=str(source.path),
                    fix="run again, if a vacuum or an erasure took it meanwhile; else `lakebook "
                    "tier verify` names what is damaged",
                ) from None
            syncs.append(syncer.submit(_sync_and_close, handle))
            if source.expected:
                check_checksum(source.path, checksum, source.expected)
            fault_point("copy.before_name")
            named = stage.rename(path, name_with_checksum(path.name, checksum))
            folders |= {named.parent, stage.table}
            name = named.relative_to(stage.table).as_posix()
            new = NewFile(name, source.partition, named.stat().st_size, source.stats_json)
            copied.setdefault(source.partition, []).append(new)
        for sync in syncs:
            sync.result()
        for folder in sorted(folders):
            sync_folder(folder)
    return copied


def _copy(source: Path, target: Path, hasher: ThreadPoolExecutor) -> tuple[str, int]:
    """Copy while hashing what is written; the SHA-256 and the open handle of the target."""
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with source.open("rb", buffering=0) as file:
            hashed: Future[None] | None = None
            while chunk := file.read(_CHUNK):
                if hashed is not None:
                    hashed.result()
                hashed = hasher.submit(digest.update, chunk)
                _write(handle, chunk)
            if hashed is not None:
                hashed.result()
    except BaseException:
        os.close(handle)
        raise
    return digest.hexdigest(), handle


def _write(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _sync_and_close(handle: int) -> None:
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
