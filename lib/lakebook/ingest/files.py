"""CSV files as sources: `file://path` (relative to the checkout) and `package://distribution/path`.

A file inside an installed distribution is found by its metadata: the distribution is not imported.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.column_names import RESERVED, is_column_name
from ..contract.misfits import MISFIT, set_aside
from ..contract.model import Column, TableContract
from ..errors import SourceError, did_you_mean
from ..files import replace_by, replace_file
from ..intervals import Interval
from ..settings import Settings
from .counted import SourceRows, count_rows
from .csvfile import CsvFile, Nulls, read_header
from .csvshape import Shape, shape_of
from .source import (
    DIGEST_COLUMN,
    LANDING_COLUMNS,
    MODIFIED_COLUMN,
    SOURCE_COLUMN,
    Landing,
    SourceVersion,
)
from .timestamps import TimestampForm

if TYPE_CHECKING:
    import polars as pl

_OPTIONS: dict[str, Any] = {"null_values": None, "timestamp_format": "%Y-%m-%dT%H:%M:%SZ"}

_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for an archive that is damaged, encrypted or packed in an unknown way."""


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
            replace_file(memo, json.dumps({"sha256": digest}).encode())
        return SourceVersion(self.uri, digest, modified)

    def land(
        self, contract: TableContract, interval: Interval | None, options: dict[str, Any]
    ) -> Landing:
        """Scan the file in the contract's types, limited to the interval by the time column.

        Where the source lacks that column, all rows are given: the notebook computes it.
        """
        import narwhals as nw
        import polars as pl

        chosen = {**_OPTIONS, **self._known(options)}
        form = TimestampForm(chosen["timestamp_format"], where=f"source {self.uri}")
        version = self.version()
        path = self._plain(version)
        header = self._names(path, contract)
        ours = [c for c in contract.columns if c.name not in LANDING_COLUMNS]
        wanted = [c for c in ours if c.name in header]
        new = tuple(name for name in header if name not in {c.name for c in ours if c.promised})
        nulls = Nulls.of(contract, chosen["null_values"])
        columns = {c.name: c for c in wanted}
        shape = self._shape(path, len(header), version)
        aside = tuple(name for name in set_aside(contract) if name in columns)
        file = CsvFile(self.uri, path, header, columns, nulls, form, shape.is_padded, aside)
        if not shape.is_whole and (found := file.torn()):
            raise found
        frame = file.scan()
        is_dated = contract.time is None or contract.time.column in header
        if contract.time is not None and interval is not None and is_dated:
            frame = frame.filter(within(contract, interval))
        frame = frame.select(
            *(c.name for c in wanted),
            *(name for name in new if name not in contract.names),
            pl.lit(self.uri).alias(SOURCE_COLUMN),
            pl.lit(version.digest).alias(DIGEST_COLUMN),
            pl.lit(version.modified).cast(pl.Datetime("us")).alias(MODIFIED_COLUMN),
            *self._texts_of(contract, aside),
        )
        absent = {c.name: self._absent(c, header, contract) for c in ours if c.promised}
        for name in header:
            absent.pop(name, None)
        counts = partial(self._count, file, contract, version) if is_dated else None
        given = nw.from_native(frame)
        total = shape.rows if shape.is_whole else None
        return Landing(given, version, new, file.fault, total, counts, absent)

    def header(self, contract: TableContract) -> tuple[str, ...]:
        """Names of its columns, read at once; empty for an archive, which would be unpacked."""
        path = self.path
        return () if path.suffix.lower() == ".zip" else tuple(self._names(path, contract))

    def _texts_of(self, contract: TableContract, aside: Sequence[str]) -> list[pl.Expr]:
        """The column for texts that do not fit, of a table that sets any aside."""
        import polars as pl

        if not set_aside(contract):
            return []
        return [pl.col(MISFIT) if aside else pl.lit(None, pl.String).alias(MISFIT)]

    def _count(self, file: CsvFile, contract: TableContract, version: SourceVersion) -> SourceRows:
        """Rows by day, remembered as long as the file and how it is read are the same."""
        time = contract.time
        how = f"{version.digest} {file.nulls} {file.form.text} {time} " + (
            contract.column(time.column).type if time else ""
        )
        memo = self._memo / f"{hashlib.sha256(how.encode()).hexdigest()[:32]}.rows"
        if memo.is_file():
            return SourceRows.from_json(memo.read_text())
        counted = count_rows(file.scan(), contract)
        replace_file(memo, counted.to_json().encode())
        return counted

    def _shape(self, path: Path, fields: int, version: SourceVersion) -> Shape:
        """Remembered as long as the digest is."""
        memo = self._memo / f"{version.digest}.shape"
        if memo.is_file():
            return Shape(**json.loads(memo.read_text()))
        shape = shape_of(path, fields)
        if shape.is_whole:
            replace_file(memo, json.dumps(asdict(shape)).encode())
        return shape

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
        if self.path.suffix.lower() != ".zip":
            return self.path
        target = self._memo / f"{version.digest}.csv"
        if not target.is_file():
            try:
                replace_by(target, self._unpack)
            except _BROKEN_ZIP as broken:
                raise SourceError(
                    f"source {self.uri} cannot be unpacked: {broken}",
                    fix="restore the archive, or give the CSV itself",
                ) from None
        return target

    def _unpack(self, target: Path) -> None:
        with zipfile.ZipFile(self.path) as archive:
            # What a Mac adds beside each file is no member that somebody packed.
            names = [m for m in archive.namelist() if not m.startswith("__MACOSX/")]
            members = [m for m in names if m.lower().endswith(".csv")]
            if len(members) != 1:
                few = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
                raise SourceError(
                    f"source {self.uri} holds {len(members)} CSV files ({few or 'nothing'})",
                    fix="pack exactly one",
                )
            with archive.open(members[0]) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 22)

    def _names(self, path: Path, contract: TableContract) -> list[str]:
        """The header's names, as columns are named. Raises SourceError for one that cannot be."""
        names: list[str] = []
        fields = read_header(self.uri, path)
        if len(fields) == 1 and (other := next((c for c in ";\t|" if c in fields[0]), None)):
            raise SourceError(
                f"source {self.uri}, line 1: {other!r} stands between the names, not a comma",
                fix="save the file with commas",
            )
        for position, field in enumerate(fields, start=1):
            name = re.sub(r"[^a-z0-9_]+", "_", field.strip().lower()).strip("_")
            name = field if is_column_name(field) else name
            if not is_column_name(name) or name in RESERVED or name in LANDING_COLUMNS:
                raise SourceError(
                    f"source {self.uri}, line 1: field {position} is named {field!r}, which is no "
                    "name for a column",
                    fix="rename it in the source",
                )
            if name in names:
                raise SourceError(
                    f"source {self.uri}, line 1: fields {names.index(name) + 1} and {position} are "
                    f"both named {name!r}",
                    fix="rename one of them in the source",
                )
            names.append(name)
        return names

    def _absent(self, column: Column, header: list[str], contract: TableContract) -> SourceError:
        """The error of a column that the source lacks, if the notebook does not make it either."""
        # A required column cannot leave a table: it could not be null in the rows to come.
        way = (
            "take it out of the contract (a table that has it keeps it, with null from now on)"
            if column.nullable
            else "write a new dataset: a table keeps its required columns"
        )
        return SourceError(
            f"source {self.uri} has no column {column.name!r}{did_you_mean(column.name, header)}, "
            "and the notebook makes none",
            where=f"{contract.path.name}:{column.line}",
            fix=f"restore it in the source, compute it before the write, or {way}",
        )


def within(contract: TableContract, interval: Interval) -> pl.Expr:
    """Rows whose day lies in the interval, and rows whose time is null (they must not be lost)."""
    import polars as pl

    from ..contract.time import inside

    assert contract.time is not None
    column = pl.col(contract.time.column)
    found: pl.Expr = inside(column, contract, interval) | column.is_null()
    return found
