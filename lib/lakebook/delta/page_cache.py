"""Reads that must see the disk, and not what the system remembers of it."""

from __future__ import annotations

import os
from pathlib import Path


def forget_pages(path: Path) -> None:
    """Drop a file's pages from the system's cache, where it can. Those not durable yet stay."""
    handle = os.open(path, os.O_RDONLY)
    try:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
