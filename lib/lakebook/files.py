"""Files that a power cut leaves as they were or whole: written beside their place, synced, renamed.

Whoever builds on a file (a record, a mark, a state) needs it durable (`put_file`); of what can be
made again it is enough that nobody ever reads a part of it (`replace_file`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path


def replace_file(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write a file, or replace one. After a power cut it is as before or whole, never between.

    Its folder is made where it is missing; `mode` is that of `os.open`.
    """
    data = content.encode() if isinstance(content, str) else content

    def fill(part: Path) -> None:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as out:
            out.write(data)

    replace_by(path, fill)


def replace_by(path: Path, fill: Callable[[Path], None]) -> None:
    """As `replace_file`, of what `fill` writes to the path that it is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Others may write the same beside us, and a long name leaves no room for more.
    part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}.part")
    try:
        fill(part)
        sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def put_file(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """As `replace_file`, and durable when it returns, with the folders that it made for it."""
    make_folder(path.parent)
    replace_file(path, content, mode=mode)
    sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, durably."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    sync_all(one.parent for one in reversed(missing))


def sync(path: Path) -> None:
    """Make durable: of a file its bytes, of a folder the names in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Iterable[Path]) -> None:
    """`sync` each of some files and folders once."""
    for path in dict.fromkeys(paths):
        sync(path)
