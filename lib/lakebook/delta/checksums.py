"""SHA-256 of files, and names of files that carry it: a table's file says what it must hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .staging import Stage

NAMED_HEX = 32
"""Hex digits of the SHA-256 in a file's name; half of it, so that names stay short."""

_NAMED = re.compile(r"-([0-9a-f]{32})\.parquet$")


def checksum_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named_checksum(name: str) -> str | None:
    """The beginning of the SHA-256 that a file's name states; None if it states none."""
    match = _NAMED.search(name)
    return match[1] if match else None


def name_with_checksum(name: str, checksum: str) -> str:
    """`x.00000.parquet` as `x.00000-<hex>.parquet`."""
    return f"{name.removesuffix('.parquet')}-{checksum[:NAMED_HEX]}.parquet"


def name_by_checksum(stage: Stage, paths: Sequence[Path], *, threads: int = 1) -> list[Path]:
    """Rename staged files by what they hold, before anybody knows their names; the new paths."""
    plain = [path for path in paths if named_checksum(path.name) is None]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        sums = dict(zip(plain, pool.map(checksum_of, plain), strict=True))
    return [
        stage.rename(path, name_with_checksum(path.name, sums[path])) if path in sums else path
        for path in paths
    ]
