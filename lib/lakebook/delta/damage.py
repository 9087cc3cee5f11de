"""What is wrong with a table's file, as a clause: by a look at it, or by all of its bytes."""

from __future__ import annotations

from pathlib import Path

from .checksums import checksum_of, named_checksum
from .page_cache import forget_pages
from .snapshot import DataFile, Snapshot

MISSING = "the file is missing"


def bytes_damage(path: Path, file: DataFile) -> str:
    """What is wrong with a file's size or checksum, read from the disk; empty if nothing is."""
    try:
        if what := _size_damage(path, file):
            return what
        forget_pages(path)
        return _checksum_damage(path)
    except FileNotFoundError:
        return MISSING
    except OSError as failed:
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


def _size_damage(path: Path, file: DataFile) -> str:
    size = path.stat().st_size
    if size == file.size_bytes:
        return ""
    return f"it has {size:,} bytes, and the log says {file.size_bytes:,}"


def _checksum_damage(path: Path) -> str:
    expected = named_checksum(path.name)
    if expected is None or checksum_of(path).startswith(expected):
        return ""
    return "its SHA-256 is not the one in its name"
