"""Small files that are durable: written whole, synced, put in place at once."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from ..files import make_folder, sync

__all__ = ["make_folder", "put", "put_if_absent", "remove", "sync_file", "sync_folder"]

sync_file = sync_folder = sync


def put_if_absent(path: Path, content: bytes, *, last: Callable[[], None] = lambda: None) -> bool:
    """Write a file whole and durable, unless it is there; of several writers one wins (True).

    `last` is called when the content is on the disk and only the name is missing.
    """
    temporary = _write_temporary(path, content)
    try:
        last()
        os.link(temporary, path)  # atomic, and unlike a rename it refuses to replace
    except FileExistsError:
        # A network file system may have lost the answer to a link that it made.
        if not temporary.samefile(path):
            return False
    finally:
        temporary.unlink()
    sync_folder(path.parent)
    return True


def put(path: Path, content: bytes) -> None:
    """Write or replace a file: whole, durable, at once."""
    _write_temporary(path, content).replace(path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Delete a file or a folder with all that is in it; none is no error."""
    while path.is_dir():
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue  # somebody else deletes it too
    path.unlink(missing_ok=True)


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
