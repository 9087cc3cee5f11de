"""Durable small files, and the one place where the disk's errors become sentences."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LakebookError, StorageError


def put_if_absent(path: Path, content: bytes) -> bool:
    """Write a file whole and durable, unless it is there; of several writers one wins (True)."""
    temporary = _write_temporary(path, content)
    try:
        os.link(temporary, path)  # atomic, and unlike a rename it refuses to replace
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return True


def put(path: Path, content: bytes) -> None:
    """Write or replace a file: whole, durable, at once."""
    _write_temporary(path, content).replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    sync_file(path)


@contextmanager
def storage_errors(doing: str, where: Path) -> Iterator[None]:
    """Turn an error of the disk below into a StorageError; others pass.

    Polars and delta-rs put the operating system's error into the text of one of their own.
    """
    try:
        yield
    except LakebookError:
        raise
    except Exception as raised:
        sentence = _sentence(raised)
        if sentence is None:
            raise
        found, fix = sentence
        raise StorageError(f"{found} while {doing}", where=str(where), fix=fix) from raised


_KNOWN = {
    errno.ENOSPC: ("the disk is full", "free some space and run again; nothing was published"),
    errno.EDQUOT: ("the disk quota is used up", "free some space and run again"),
    errno.EFBIG: ("a file is larger than the system allows", "raise the limit (ulimit -f)"),
    errno.EROFS: ("the disk is read-only", "use another lake (--lake)"),
    errno.EACCES: ("permission is denied", "check who owns the lake"),
    errno.EIO: ("the disk has an error", "check the disk"),
}


def _sentence(raised: Exception) -> tuple[str, str] | None:
    if isinstance(raised, OSError) and raised.errno in _KNOWN:
        return _KNOWN[raised.errno]
    text = str(raised).lower()
    for number, sentence in _KNOWN.items():
        if f"(os error {number})" in text or os.strerror(number).lower() in text:
            return sentence
    return None


def _write_temporary(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
