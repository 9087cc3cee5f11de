"""Which files of a dataset somebody still reads, by the leases of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..delta import read_leases
from ..names import TierTables


def leased_files(tables: TierTables) -> Mapping[Path, str]:
    """Each file that a lease names, with who reads it and until when, as a clause."""
    found: dict[Path, str] = {}
    for table in (tables.hot, tables.warm):
        for lease in read_leases(table):
            until = datetime.fromtimestamp(lease.expires, UTC)
            said = f"{lease.holder} reads it until {until:%Y-%m-%d %H:%M} UTC"
            # Files of warm are named by their whole path, and a path that is whole stays so.
            found |= dict.fromkeys([table / path for path in lease.files], said)
    return found
