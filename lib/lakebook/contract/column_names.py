"""What a column may be called."""

from __future__ import annotations

import re

from .misfits import MISFIT

RESERVED = ("_partition", "_failed_rules", "_run", "_fp", MISFIT)
"""Column names that storage and quarantine keep for themselves."""

_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")


def is_column_name(name: str) -> bool:
    """Whether every engine takes the name as it stands."""
    return _COLUMN.fullmatch(name) is not None
