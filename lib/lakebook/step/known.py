"""Datasets and their columns as the contracts of a checkout promise them, for who completes names.

No data and no table is looked at, and a contract is parsed again only when its file has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..contract.load import load_contract
from ..errors import LakebookError
from ..names import LAYERS
from ..settings import Settings

_Stamp = tuple[int, int]


@dataclass
class KnownTables:
    """Tables of one checkout: `layer.name` -> column -> its type."""

    settings: Settings
    _parsed: dict[Path, tuple[_Stamp, dict[str, dict[str, str]]]] = field(default_factory=dict)

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """A contract that does not parse, as while it is written, gives what it gave before."""
        found: dict[str, dict[str, str]] = {}
        for layer in LAYERS:
            for path in sorted((self.settings.notebooks / layer).glob("*.contract.yaml")):
                found |= self._of(path)
        return found

    def _of(self, path: Path) -> dict[str, dict[str, str]]:
        seen = path.stat()
        stamp = (seen.st_mtime_ns, seen.st_size)
        before, tables = self._parsed.get(path, ((0, 0), {}))
        if before != stamp:
            try:
                cache = self.settings.state / "contracts"
                contract = load_contract(path, root=self.settings.root, cache=cache)
            except (LakebookError, OSError):
                pass
            else:
                tables = {
                    str(table.dataset): {column.name: column.type for column in table.columns}
                    for table in contract.tables
                }
            self._parsed[path] = stamp, tables
        return tables
