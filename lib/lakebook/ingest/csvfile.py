"""Reading a CSV line by line: its header, and what is wrong in it when an engine could not read it.

An engine says neither file nor line. Only after it has failed, or where `csvshape` finds lines that
are torn, is the file read again here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.classified import is_hidden
from ..contract.misfits import MISFIT as TEXTS
from ..contract.model import Column, TableContract
from ..engines.messages import engine_error
from ..engines.polars_cast import MISFIT, stopped_at
from ..errors import SourceError
from .timestamps import TimestampForm
from .values import checked, misfits, parsed, why_not

if TYPE_CHECKING:
    import polars as pl

_NATIVE = {"int32": "Int32", "int64": "Int64"}
_UNPARSED = re.compile(
    r"could not parse `.*?` as dtype `\w+` at column '(?P<column>[^']*)'", re.DOTALL
)
_STRAY_QUOTE = re.compile(r'(?:^|,)[^",\r\n][^,\r\n]*"')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NO_TEXT = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet"}
"""How a file begins that is no text, with what it is then."""


@dataclass(frozen=True)
class Nulls:
    """Texts that are null beside the empty field: of all columns, and of some by name instead."""

    shared: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, contract: TableContract, option: Sequence[str] | None) -> Nulls:
        """As the contract says; `option` takes the place of what it says for the whole table."""
        shared = contract.nulls if option is None else option
        own = {c.name: c.nulls for c in contract.columns if c.nulls is not None}
        return cls(tuple(text for text in shared if text), own)


@dataclass(frozen=True)
class CsvFile:
    """A CSV as it is read: names of its fields, and the contract's columns among them by name."""

    uri: str
    path: Path
    names: Sequence[str]
    columns: Mapping[str, Column]
    nulls: Nulls
    form: TimestampForm
    is_padded: bool
    """Whether fields may begin with blanks, which Polars skips before a number."""
    aside: tuple[str, ...] = ()
    """Columns in which a text that does not fit is null and stands in `_misfit`."""

    def scan(self) -> pl.LazyFrame:
        """All fields as texts, and the contract's columns in its types; with `_misfit` if any is
        set aside.

        Polars parses integers itself as it reads, which is faster and takes the same texts where no
        field is padded. Its error has the text in it: not for what stays hidden.
        """

        quick = {
            name: _NATIVE[column.type]
            for name, column in self.columns.items()
            if column.type in _NATIVE and not is_hidden(column)
            if not self.nulls.own and not self.is_padded
            if name not in self.aside
        }
        values = []
        if self.aside:
            texts = {name: self._text(name) for name in self.aside}
            fitting = {
                name: parsed(text, self._kind(name), self.form) for name, text in texts.items()
            }
            values = [value.alias(name) for name, value in fitting.items()]
            values.append(misfits(texts, fitting).alias(TEXTS))
        for name in self.names:
            kind = self._kind(name)
            if name not in (*quick, *self.aside) and (kind != "string" or self.nulls.own):
                values.append(checked(self._text(name), name, kind, self.form))
        return self._texts(quick).with_columns(values)

    def _texts(self, native: Mapping[str, str]) -> pl.LazyFrame:
        import polars as pl

        return pl.scan_csv(
            self.path,
            schema={name: getattr(pl, native.get(name, "String")) for name in self.names},
            null_values=["", *(() if self.nulls.own else self.nulls.shared)],
            has_header=False,  # the names are ours: see `FileSource._names`
            skip_rows=1,
            missing_columns="raise",
        )

    def _text(self, name: str) -> pl.Expr:
        """A field, null where its text is one of those."""
        import polars as pl

        text = pl.col(name)
        if self.nulls.own and (some := self.nulls.own.get(name, self.nulls.shared)):
            text = pl.when(~text.is_in(some)).then(text)
        return text

    def _kind(self, name: str) -> str:
        return self.columns[name].type if name in self.columns else "string"

    def fault(self, raised: BaseException) -> SourceError | None:
        """What in this file made an engine fail; None if the file is not to blame."""
        error = engine_error(raised)
        if error is None:
            return None
        if column := stopped_at(error, MISFIT):
            return self._misfit(column)
        try:
            for line, fields in records(self.uri, self.path, strict=True):
                if line > 1 and len(fields) > len(self.names):
                    return self._misshapen(line, fields)
        except SourceError as found:
            return found
        if "CSV malformed" in str(error) and (stray := self._stray_quote()):
            return stray
        unparsed = _UNPARSED.search(str(error))
        return self._misfit(unparsed["column"]) if unparsed else None

    def torn(self) -> SourceError | None:
        """The first line that has not as many fields as the header; None if there is none."""
        for line, fields in records(self.uri, self.path):
            if len(fields) != len(self.names):
                return self._misshapen(line, fields)
        return None

    def _stray_quote(self) -> SourceError | None:
        """A quote inside a text that does not begin with one: an engine counts it as opening."""
        with self.path.open("rb") as file:
            for number, line in enumerate(_decoded(self.uri, file), start=1):
                if line.count('"') % 2 and _STRAY_QUOTE.search(line):
                    return SourceError(
                        f"source {self.uri}, line {number}: a text has a quote inside and none "
                        "around it",
                        fix="put the text in quotes and double the quote inside",
                    )
        return None

    def _misshapen(self, line: int, fields: list[str]) -> SourceError:
        place = f"source {self.uri}, line {line}"
        if not fields:
            return SourceError(f"{place}: the line is blank", fix="remove it")
        many = len(fields) > len(self.names)
        way = "a text with a comma in it needs quotes" if many else "is the file whole?"
        count = f"{len(fields)} field" if len(fields) == 1 else f"{len(fields)} fields"
        return SourceError(
            f"{place}: {count}, and the header has {len(self.names)}",
            fix=f"correct the line; {way}",
        )

    def _misfit(self, column: str) -> SourceError | None:
        """The first text of a column that is no value of its type; None if all are."""
        import polars as pl

        if column not in self.columns or self._kind(column) == "string":
            return None
        kind = self._kind(column)
        texts = self._texts({}).select(text=self._text(column))
        is_bad = pl.col("text").is_not_null() & parsed(pl.col("text"), kind, self.form).is_null()
        found = texts.filter(is_bad).head(1).collect(engine="streaming")
        if found.is_empty():
            return None
        text = found.item()
        hidden = is_hidden(self.columns[column])
        line = self._line_of(column, text)
        shown = f"a ({self.columns[column].classification}) value" if hidden else repr(text)
        reason = why_not("" if hidden else text, kind, self.form)
        way = "give its form in step.ingest(…, timestamp_format=…), " if kind == "timestamp" else ""
        return SourceError(
            f"source {self.uri}{f', line {line}' if line else ''}: column {column!r} has {shown}, "
            f"{reason}",
            fix=f"correct the source, {way}or name it in nullValues of the contract to have null; "
            "misfits: quarantine there sets such rows aside, but for the time column",
        )

    def _line_of(self, column: str, text: str) -> int | None:
        """The first line that has a text in a column; None where quotes make no sense."""
        at = self.names.index(column)
        try:
            found = (
                line
                for line, fields in records(self.uri, self.path)
                if line > 1 and len(fields) > at and fields[at] == text
            )
            return next(found, None)
        except SourceError:
            return None


def read_header(uri: str, path: Path) -> list[str]:
    """The fields of the first line. Raises SourceError for a file without it."""
    _, header = next(records(uri, path), (0, []))
    if not header:
        blank = path.stat().st_size and "its first line is blank"
        raise SourceError(
            f"source {uri} is empty: {blank or 'it has no header line'}",
            fix="restore the file; its first line names the columns",
        )
    return header


def records(uri: str, path: Path, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Line (from 1) and fields of each record.

    Raises SourceError for bytes that are not UTF-8, and where quotes make no sense if `strict`.
    """
    with path.open("rb") as file:
        reader = csv.reader(_decoded(uri, file), strict=strict)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as wrong:
                if "new-line character" in str(wrong):
                    raise SourceError(
                        f"source {uri}, line {line}: lines end with a carriage return alone",
                        fix="save the file with line feeds (\\n or \\r\\n)",
                    ) from None
                raise SourceError(
                    f"source {uri}, line {line}: a quote is not closed, or not doubled inside a "
                    f"text ({wrong})",
                    fix="correct the line",
                ) from None
            yield line, fields


def _decoded(uri: str, lines: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(_UTF16):
            raise SourceError(f"source {uri} is in UTF-16", fix="save it as UTF-8")
        for magic, kind in _NO_TEXT.items():
            if number == 1 and line.startswith(magic):
                raise SourceError(
                    f"source {uri} is no CSV but {kind}",
                    fix="give the CSV itself, or one CSV in an archive named .zip",
                )
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as wrong:
            raise SourceError(
                f"source {uri}, line {number}: the byte 0x{line[wrong.start]:02x} is not UTF-8",
                fix="save the file as UTF-8 (iconv -f latin1 -t utf-8, if it is Latin-1)",
            ) from None
