"""A log for tests: `journal://NAME` is the lines of `NAME.journal`; the offset is the line number.

`install` makes a distribution of it in a folder, so that it is found as any connector is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakebook.contract.model import TableContract
from lakebook.ingest.log import LogLanding
from lakebook.settings import Settings


@dataclass(frozen=True)
class JournalSource:
    """Parts, if any, are files of their own: `NAME.PART.journal`."""

    uri: str
    settings: Settings

    def _parts(self) -> dict[str, list[str]]:
        name = self.uri.partition("://")[2]
        return {
            path.name.removeprefix(name).removesuffix(".journal").removeprefix("."): (
                path.read_text().splitlines()
            )
            for path in sorted(self.settings.root.glob(f"{name}*.journal"))
        }

    def ends(self) -> Mapping[str, int]:
        return {part: len(lines) for part, lines in self._parts().items()}

    def land_from(
        self, contract: TableContract, begins: Mapping[str, int], options: dict[str, Any]
    ) -> LogLanding:
        import narwhals as nw
        import polars as pl

        most = options.get("most")
        taken, ends = [], {}
        for part, lines in self._parts().items():
            begin = begins.get(part, 0)
            new = lines[begin : begin + most if most else None]
            taken += [json.loads(line) for line in new]
            ends[part] = begin + len(new)
        frame = pl.DataFrame(
            taken,
            schema={"id": pl.Int64, "seen": pl.String, "amount": pl.Int64},
            orient="row",
        ).with_columns(pl.col("seen").str.to_datetime("%Y-%m-%d", time_unit="us"))
        return LogLanding(nw.from_native(frame.lazy()), ends)


def install(folder: Path) -> None:
    """Make a folder that, on the import path, has this module and a distribution that names it."""
    info = folder / "journal_source-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: journal-source\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lakebook.sources]\njournal = journal_source:JournalSource\n"
    )
    (folder / "journal_source.py").write_text(Path(__file__).read_text())
