"""SHA-256 of files, and names of files that carry it: a copied file says what it must hold."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ..errors import StorageError

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


def check_named(path: Path) -> None:
    """Raise StorageError if a file's bytes are not what its name states, if it states anything."""
    expected = named_checksum(path.name)
    if expected is not None:
        check_checksum(path, checksum_of(path), expected)


def check_checksum(path: Path, found: str, expected: str) -> None:
    """Raise StorageError unless a checksum begins as expected (both in hex)."""
    if not found.startswith(expected):
        raise StorageError(
            f"its bytes have the SHA-256 {found[:12]}… and should have {expected[:12]}…: "
            "the file is damaged",
            where=str(path),
            fix="bring it back from a backup, or run the step of this partition again",
        )


def name_with_checksum(name: str, checksum: str) -> str:
    """`x.00000.parquet` as `x.00000-<hex>.parquet`."""
    return f"{name.removesuffix('.parquet')}-{checksum[:NAMED_HEX]}.parquet"
