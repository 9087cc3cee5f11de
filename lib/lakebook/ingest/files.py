"""CSV files as sources: `file://path` (relative to the checkout) and `package://distribution/path`.

A file inside an installed distribution is found by its metadata: the distribution is not imported.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.model import Column, TableContract
from ..errors import SourceError, did_you_mean
from ..intervals import Interval
from ..settings import Settings
from .source import (
    DIGEST_COLUMN,
    LANDING_COLUMNS,
    MODIFIED_COLUMN,
    SOURCE_COLUMN,
    Landing,
    SourceVersion,
)

if TYPE_CHECKING:
    import polars as pl

_OPTIONS = {"null_values": ("NA", ""), "timestamp_format": "%Y-%m-%dT%H:%M:%SZ"}


@dataclass(frozen=True)
class FileSource:
    """A CSV file, plain or the only member of a zip archive."""

    uri: str
    settings: Settings

    @cached_property
    def path(self) -> Path:
        scheme, _, rest = self.uri.partition("://")
        if scheme == "file":
            found = (self.settings.root / rest).resolve()
        else:
            package, _, inner = rest.partition("/")
            try:
                found = Path(str(distribution(package).locate_file(inner)))
            except PackageNotFoundError:
                raise SourceError(
                    f"source {self.uri}: the distribution {package!r} is not installed",
                    fix="install it or correct the name",
                ) from None
        if not found.is_file():
            raise SourceError(
                f"source {self.uri} is missing: there is no file {found.name} at its place",
                fix="restore the file or correct the URI in the bronze notebook",
            )
        return found

    def version(self) -> SourceVersion:
        """Digest and modification time; the digest is remembered as long as the file is the same.

        Size and modification time alone do not tell: `touch -r` and `cp -p` set the time. Nothing
        sets the time of the last change (ctime), and another file put there has another inode.
        """
        stat = self.path.stat()
        modified = datetime.fromtimestamp(stat.st_mtime, UTC).replace(tzinfo=None, microsecond=0)
        seen = (
            f"{self.path}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"
            f":{stat.st_dev}:{stat.st_ino}"
        )
        memo = self._memo / f"{hashlib.sha256(seen.encode()).hexdigest()[:32]}.json"
        if memo.is_file():
            digest = json.loads(memo.read_text())["sha256"]
        else:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            _put(memo, json.dumps({"sha256": digest}).encode())
        return SourceVersion(self.uri, digest, modified)

    def land(
        self, contract: TableContract, interval: Interval | None, options: dict[str, Any]
    ) -> Landing:
        """Scan the file in the contract's types, limited to the interval by the time column."""
        import narwhals as nw
        import polars as pl

        chosen = {**_OPTIONS, **self._known(options)}
        version = self.version()
        path = self._plain(version)
        header = self._header(path)
        self._check(header, contract)
        ours = [c for c in contract.columns if c.name not in LANDING_COLUMNS]
        wanted = [c for c in ours if c.name in header]
        new = tuple(name for name in header if name not in {c.name for c in ours if c.promised})
        schema = {name: _csv_type(contract, name) for name in header}
        frame = pl.scan_csv(path, schema=schema, null_values=list(chosen["null_values"]))
        frame = frame.with_columns(
            [_parsed(c, chosen["timestamp_format"]) for c in wanted if c.type in _PARSED]
        )
        if contract.time is not None and interval is not None:
            frame = frame.filter(within(contract, interval))
        frame = frame.select(
            *(c.name for c in wanted),
            *(name for name in new if name not in contract.names),
            pl.lit(self.uri).alias(SOURCE_COLUMN),
            pl.lit(version.digest).alias(DIGEST_COLUMN),
            pl.lit(version.modified).cast(pl.Datetime("us")).alias(MODIFIED_COLUMN),
        )
        return Landing(nw.from_native(frame), version, new)

    def _known(self, options: dict[str, Any]) -> dict[str, Any]:
        for key in options:
            if key not in _OPTIONS:
                raise SourceError(
                    f"source {self.uri}: unknown option {key!r}{did_you_mean(key, _OPTIONS)}"
                )
        return options

    @property
    def _memo(self) -> Path:
        return self.settings.state / "sources"

    def _plain(self, version: SourceVersion) -> Path:
        """The CSV itself; a zip is unpacked once per digest, to be scanned in streams."""
        if self.path.suffix != ".zip":
            return self.path
        target = self._memo / f"{version.digest}.csv"
        if not target.is_file():
            with zipfile.ZipFile(self.path) as archive:
                members = [m for m in archive.namelist() if m.endswith(".csv")]
                if len(members) != 1:
                    raise SourceError(
                        f"source {self.uri}: the archive holds {len(members)} CSV files",
                        fix="pack exactly one",
                    )
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_suffix(f".{os.getpid()}.part")
                with archive.open(members[0]) as packed, part.open("wb") as plain:
                    while chunk := packed.read(1 << 22):
                        plain.write(chunk)
            part.replace(target)
        return target

    def _header(self, path: Path) -> list[str]:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), None)
        if not header:
            raise SourceError(f"source {self.uri} is empty: it has no header line")
        return header

    def _check(self, header: list[str], contract: TableContract) -> None:
        for column in contract.columns:
            if column.name in header or column.name in LANDING_COLUMNS or not column.promised:
                continue
            # A required column cannot leave a table: it could not be null in the rows to come.
            way = (
                "take it out of the contract (the table keeps it, with null from now on)"
                if column.nullable
                else "write a new dataset: a table keeps its required columns"
            )
            raise SourceError(
                f"source {self.uri} has lost the column {column.name!r}"
                f"{did_you_mean(column.name, header)}",
                where=f"{contract.path.name}:{column.line}",
                fix=f"restore it in the source, or {way}",
            )


_UNPARSED = re.compile(
    r"could not parse `(?P<value>.*?)` as dtype `(?P<type>\w+)` at column '(?P<column>[^']*)'"
)
_PARSED = ("timestamp", "date", "boolean")


def _csv_type(contract: TableContract, name: str) -> Any:
    import polars as pl

    known = {c.name: c.type for c in contract.columns}.get(name, "string")
    return {
        "int64": pl.Int64,
        "int32": pl.Int32,
        "float64": pl.Float64,
        "float32": pl.Float32,
    }.get(known, pl.String)


def _parsed(column: Column, timestamp_format: str) -> pl.Expr:
    import polars as pl

    text = pl.col(column.name)
    if column.type == "timestamp":
        return text.str.to_datetime(timestamp_format, time_unit="us", strict=True)
    if column.type == "date":
        return text.str.to_date("%Y-%m-%d", strict=True)
    return text.replace_strict(
        {"true": True, "false": False, "TRUE": True, "FALSE": False, "1": True, "0": False},
        return_dtype=pl.Boolean,
    )


def within(contract: TableContract, interval: Interval) -> pl.Expr:
    """Rows whose day lies in the interval, and rows whose time is null (they must not be lost)."""
    import polars as pl

    from ..contract.time import bounds

    assert contract.time is not None
    low, high = bounds(contract, interval)
    column = pl.col(contract.time.column)
    return ((column >= low) & (column < high)) | column.is_null()


def retyped(uri: str, failed: Exception) -> SourceError | None:
    """The error of a value that is not of the contract's type, or None if it is another error.

    The rows are parsed while they are staged, so this is only found then.
    """
    found = _UNPARSED.search(str(failed))
    if found is None:
        return None
    return SourceError(
        f"source {uri} has {found['value']!r} in column {found['column']!r}, which is no "
        f"{found['type']}",
        fix="correct the source, or change the column's type in the bronze contract",
    )


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
