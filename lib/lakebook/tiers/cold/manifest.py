"""The manifest of a cold archive: what stands in its Parquet files, and how to know them again.

An archive is a folder of Parquet files and `manifest.json`. It is named by its manifest (the first
64 bits of its SHA-256), and the manifest names every file by SHA-256: who knows the name can check
everything below it. The format is in docs/reference/archive-format.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...contract.types import arrow_type, type_of
from ...delta.tokens import signed
from ...errors import DamageError, LakebookError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
FILE = "manifest.json"

_BITS = 1 << 64
_BACKUP = (
    "put it back from a copy of the cold storage, or make the partition anew by a run of its step"
)


@dataclass(frozen=True)
class ArchiveColumn:
    """A column. `type` in the words of a contract; `timestamp` has microseconds and no zone."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class ValueRange:
    """Bounds of a column's values, rounded outward, as the log of a table has them."""

    low: Any
    high: Any


@dataclass(frozen=True)
class ArchiveFile:
    """A Parquet file of the archive; `sha256` in hex, of the whole file.

    stats: as the log of a Delta table has them (`delta.stats`), for when it comes back.
    """

    name: str
    rows: int
    size_bytes: int
    sha256: str
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    generation: of the partition's place, once it is in this archive.
    digest: of its rows, as in the token `data/<partition>` (signed 64 bit).
    ranges, nulls: by column; a column that may hold NaN has no range.
    created: UTC, ISO.
    """

    dataset: str
    partition: str
    generation: int
    rows: int
    size_bytes: int
    digest: int
    schema: tuple[ArchiveColumn, ...]
    files: tuple[ArchiveFile, ...]
    ranges: Mapping[str, ValueRange] = field(default_factory=dict)
    nulls: Mapping[str, int] = field(default_factory=dict)
    contract_version: str = ""
    run: str = ""
    created: str = ""

    def arrow_schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([pa.field(c.name, arrow_type(c.type), c.nullable) for c in self.schema])

    def to_bytes(self) -> bytes:
        """The content of `manifest.json`."""
        raw = {
            "format": FORMAT,
            "dataset": self.dataset,
            "partition": self.partition,
            "generation": self.generation,
            "contract_version": self.contract_version,
            "run": self.run,
            "created": self.created,
            "rows": self.rows,
            "bytes": self.size_bytes,
            # A text: many readers of JSON keep 53 bits of a number.
            "rows_digest": f"{self.digest % _BITS:016x}",
            "columns": [self._column(c) for c in self.schema],
            "files": [
                {
                    "name": f.name,
                    "rows": f.rows,
                    "bytes": f.size_bytes,
                    "sha256": f.sha256,
                    "stats": f.stats,
                }
                for f in self.files
            ],
        }
        return (json.dumps(raw, indent=2, ensure_ascii=False) + "\n").encode()

    def _column(self, column: ArchiveColumn) -> dict[str, Any]:
        raw = {"name": column.name, "type": column.type, "nullable": column.nullable}
        if column.name in self.nulls:
            raw["nulls"] = self.nulls[column.name]
        if bounds := self.ranges.get(column.name):
            raw |= {"min": bounds.low, "max": bounds.high}
        return raw


def archive_id(content: bytes) -> int:
    """Id of the archive whose manifest has this content, as the token `archive/<p>` holds it."""
    return signed(int.from_bytes(hashlib.sha256(content).digest()[:8]))


def archive_name(archive: int) -> str:
    """The name of an archive's folder."""
    return f"{archive % _BITS:016x}"


def columns_of(schema: pa.Schema) -> tuple[ArchiveColumn, ...]:
    columns = []
    for f in schema:
        kind = type_of(f.type)
        if kind is None:
            raise StorageError(f"column {f.name!r} is {f.type}, which no contract can spell")
        columns.append(ArchiveColumn(f.name, kind, f.nullable))
    return tuple(columns)


def read_manifest(folder: Path, archive: int | None = None) -> Manifest:
    """Read an archive's manifest and check it against the archive's id.

    Parameters
    ----------
    archive: the id that is expected; by default the one that the folder's name says.

    Raises DamageError that names the file and what is wrong with it.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        found = "the archive has no manifest" if folder.is_dir() else "the archive is not there"
        raise DamageError(
            found, where=str(path), fix=_BACKUP, partition=folder.parent.name
        ) from None
    expected = folder.name if archive is None else archive_name(archive)
    if archive_name(archive_id(content)) != expected:
        raise DamageError(
            f"the manifest is damaged: its SHA-256 does not begin with {expected}",
            where=str(path),
            fix=_BACKUP,
            partition=folder.parent.name,
        )
    return parse_manifest(content, where=str(path))


def parse_manifest(content: bytes, *, where: str) -> Manifest:
    """Raises StorageError for what is no manifest, or one of a later Lakebook."""
    try:
        raw = json.loads(content)
        number = raw["format"]
    except (ValueError, TypeError, KeyError):
        raise StorageError("this is no manifest of an archive", where=where, fix=_BACKUP) from None
    if number != FORMAT:
        raise StorageError(
            f"the archive has the format {number!r}, and this Lakebook reads {FORMAT}",
            where=where,
            fix="use the Lakebook that wrote it, or a later one",
        )
    try:
        return _manifest(raw)
    except (KeyError, TypeError, ValueError, LakebookError) as broken:
        raise StorageError(
            f"the manifest lacks something or has it in another form ({broken!r})",
            where=where,
            fix=_BACKUP,
        ) from None


def _manifest(raw: Mapping[str, Any]) -> Manifest:
    columns = raw["columns"]
    for column in columns:
        arrow_type(column["type"])  # else a later reader would stumble over it
    return Manifest(
        dataset=str(raw["dataset"]),
        partition=str(raw["partition"]),
        generation=int(raw["generation"]),
        rows=int(raw["rows"]),
        size_bytes=int(raw["bytes"]),
        digest=signed(int(raw["rows_digest"], 16)),
        schema=tuple(ArchiveColumn(c["name"], c["type"], bool(c["nullable"])) for c in columns),
        files=tuple(map(_file, raw["files"])),
        ranges={c["name"]: ValueRange(c["min"], c["max"]) for c in columns if "min" in c},
        nulls={c["name"]: int(c["nulls"]) for c in columns if "nulls" in c},
        contract_version=str(raw["contract_version"]),
        run=str(raw["run"]),
        created=str(raw["created"]),
    )


def _file(raw: Mapping[str, Any]) -> ArchiveFile:
    return ArchiveFile(
        _plain(raw["name"]), int(raw["rows"]), int(raw["bytes"]), raw["sha256"], dict(raw["stats"])
    )


def _plain(name: str) -> str:
    if name != Path(name).name or not name:
        raise ValueError(f"{name!r} is no file name")
    return name
