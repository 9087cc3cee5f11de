"""SHA-256 of files, and names of files that carry it: a copied file says what it must hold."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

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
