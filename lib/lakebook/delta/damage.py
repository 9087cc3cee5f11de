"""What is wrong with a table's file, as a clause: by a look at it, or by all of its bytes."""

from __future__ import annotations

import os
from pathlib import Path

from .checksums import checksum_of, named_checksum
from .page_cache import forget_pages
from .snapshot import DataFile, Snapshot

MISSING = "the file is missing"


def bytes_damage(path: Path, file: DataFile) -> str:
    """What is wrong with a file's size or checksum, read from the disk; empty if nothing is."""
    try:
        forget_pages(path)
    except OSError as failed:
        return _unread(failed)
    return content_damage(path, file)


def content_damage(path: str | Path, file: DataFile) -> str:
    """As `bytes_damage`, of what a reader would see now, which the system may remember."""
    return _damage(path, file, touched=True)


def glance_damage(path: str | Path, file: DataFile) -> str:
    """As `content_damage`, without reading a file that nobody has touched since its commit."""
    return _damage(path, file, touched=False)


def _damage(path: str | Path, file: DataFile, *, touched: bool) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - of a text, as there may be tens of thousands
        if found.st_size != file.size_bytes:
            return f"it has {found.st_size:,} bytes, and the log says {file.size_bytes:,}"
        at = file.modified_ms
        if touched or (at is not None and found.st_mtime_ns // 1_000_000 > at):
            expected = named_checksum(file.path)
            if expected is not None and not checksum_of(Path(path)).startswith(expected):
                return "its SHA-256 is not the one in its name"
    except OSError as failed:
        return _unread(failed)
    return ""


def _unread(failed: OSError) -> str:
    if isinstance(failed, FileNotFoundError):
        return MISSING
    return f"it cannot be read ({failed.strerror})"


def is_intact(snapshot: Snapshot, partition: str) -> bool:
    """Whether every file of a partition is, byte for byte, what was committed.

    Of a file without a checksum in its name (those made before 2026-11) nobody can tell: no.
    """
    files = snapshot.by_partition.get(partition, ())
    return bool(files) and all(
        named_checksum(file.path) and not bytes_damage(snapshot.table / file.path, file)
        for file in files
    )
