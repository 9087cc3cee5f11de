"""Tables as they were before files were named by their checksums."""

from __future__ import annotations

import re
from pathlib import Path

_NAMED = re.compile(r"-[0-9a-f]{32}(?=\.parquet)")


def forget_checksums(table: Path) -> None:
    """Give a table's files names without checksums, on the disk and in the log's entries."""
    for path in table.rglob("*.parquet"):
        path.rename(path.with_name(_NAMED.sub("", path.name)))
    for entry in (table / "_delta_log").glob("*.json"):
        entry.write_text(_NAMED.sub("", entry.read_text()))
