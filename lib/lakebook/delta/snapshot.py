"""One version of a table: its live files and its tokens, both of the same version.

The log is read in `log`; this is the value that everything else passes around.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..intervals import NULL, WHOLE
from . import tokens as token
from .place import Place, Tier
from .protocol import Protocol

PARTITION = "_partition"
CUT = "lakebook.cut"
"""The setting of a table: column, zone and unit of its partitions (`agreement`)."""
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"

_DAY, _MONTH = re.compile(r"\d{4}-\d{2}-\d{2}"), re.compile(r"\d{4}-\d{2}")
_ROWS = re.compile(r'"numRecords"\s*:\s*(\d+)')


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table. `path` is relative to the table, `partition` its token name.

    A file that lies in another tier has an absolute path.
    """

    path: str
    partition: str
    size_bytes: int
    stats_json: str | None = None
    modified_ms: int | None = None  # since 1970: when it was committed; None: not known

    @property
    def rows(self) -> int:
        return rows_in(self.stats_json or "")

    @property
    def stats(self) -> dict[str, Any] | None:
        return json.loads(self.stats_json) if self.stats_json else None


def rows_in(stats_json: str) -> int:
    """The count of rows that a file's statistics state."""
    # Most readers want nothing but the count; parsing every file's bounds would cost more than the
    # whole log.
    match = _ROWS.search(stats_json)
    return int(match[1]) if match else 0


@dataclass(frozen=True)
class Tombstone:
    """A file that some version removed and that older versions still show."""

    path: str
    deleted_ms: int


@dataclass(frozen=True)
class Snapshot:
    """A table at one version; version -1: there is no table."""

    table: Path
    version: int
    files: tuple[DataFile, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    schema: pa.Schema | None = None  # of the data files, without the partition columns
    partition_columns: tuple[str, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    # What a writer needs to know of the log. A pin keeps none of it, and is the same version.
    protocol: Protocol | None = field(default=None, compare=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)  # as the log has it
    loose: tuple[Path, ...] = field(default=(), compare=False)
    """Of the log, newer than Lakebook's last entry: nobody may have put them on the disk."""

    @cached_property
    def by_partition(self) -> Mapping[str, tuple[DataFile, ...]]:
        groups: dict[str, list[DataFile]] = {}
        for file in self.files:
            groups.setdefault(file.partition, []).append(file)
        return {name: tuple(groups[name]) for name in sorted(groups)}

    @property
    def partitions(self) -> tuple[str, ...]:
        """Names of the partitions that have a live file."""
        return tuple(self.by_partition)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def files_in(self, partitions: Iterable[str]) -> tuple[DataFile, ...]:
        return tuple(f for p in dict.fromkeys(partitions) for f in self.by_partition.get(p, ()))

    def paths(self, partitions: Iterable[str] | None = None) -> list[str]:
        """Absolute paths of the live files, of some partitions or of all."""
        files = self.files if partitions is None else self.files_in(partitions)
        return [str(self.table / file.path) for file in files]

    @property
    def known_paths(self) -> frozenset[str]:
        """Files that this version or an older one shows."""
        return frozenset([f.path for f in self.files] + [t.path for t in self.tombstones])

    def fence(self, partition: str) -> int:
        return self.tokens.get(token.fence(partition), 0)

    def data(self, partition: str) -> int | None:
        """Digest of a partition's rows as a token; None: it was never written."""
        return self.tokens.get(token.data(partition))

    def fp(self, partition: str) -> int | None:
        """Fingerprint of what made a partition; None: never written, appended or rolled away."""
        return self.tokens.get(token.fp(partition)) or None

    def place(self, partition: str) -> Place:
        """Where a partition lies, as the hot table says."""
        return Place.of(self.tokens.get(token.placement(partition), 0))

    def archive(self, partition: str) -> int | None:
        """Which archive holds exactly the rows of now; None: none does."""
        return self.tokens.get(token.archive(partition)) or None

    def expires(self, partition: str) -> int | None:
        """Until when (seconds since 1970) a restored copy stays; None: for good."""
        return self.tokens.get(token.expires(partition)) or None

    @cached_property
    def written(self) -> tuple[str, ...]:
        """Names of the partitions that were ever written, wherever they lie, in order."""
        names = sorted(n[5:] for n in self.tokens if n.startswith("data/"))
        unit = (self.metadata.get("configuration") or {}).get(CUT, "").rpartition(" ")[2]
        if not unit:
            return tuple(names)
        # Names of the other unit are of a cut that the table had before.
        other = _DAY if unit == "month" else _MONTH
        return tuple(name for name in names if not other.fullmatch(name.partition("/")[0]))

    def placed(self, tier: Tier) -> tuple[str, ...]:
        """Names of the written partitions that lie in a tier, in order."""
        return tuple(p for p in self.written if self.place(p).tier == tier)


def partition_folder(columns: tuple[str, ...], partition: str) -> str:
    """Folder of a partition below the table, with a slash at its end; empty if it has none."""
    if not columns:
        return ""
    values = partition_values(columns, partition)
    return "".join(f"{c}={HIVE_NULL if v is None else v}/" for c, v in values.items())


def partition_values(columns: tuple[str, ...], partition: str) -> dict[str, str | None]:
    """Values of the partition columns: a token name joins them with a slash, null as `null`."""
    if not columns:
        return {}
    parts = partition.split("/")
    assert len(parts) == len(columns), (columns, partition)
    return {c: None if v == NULL else v for c, v in zip(columns, parts, strict=True)}


def partition_token(columns: tuple[str, ...], values: Mapping[str, str | None]) -> str:
    if not columns:
        return WHOLE
    return "/".join(NULL if values.get(c) is None else str(values[c]) for c in columns)
