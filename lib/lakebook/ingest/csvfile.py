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

from ..contract.classified import is_hidden
from ..contract.model import Column
from ..engines.messages import engine_error
from ..errors import SourceError

BOOLEANS = {"true": True, "false": False, "TRUE": True, "FALSE": False, "1": True, "0": False}
_UNPARSED = re.compile(
    r"could not parse `(?P<value>.*?)` as dtype `\w+` at column '(?P<column>[^']*)'", re.DOTALL
)
_UNCONVERTED = re.compile(
    r"conversion from `str` to `[^`]*` failed in column '(?P<column>[^']*)' "
    r"for .*? values: \[(?P<values>.*)\]"
)
_STRAY_QUOTE = re.compile(r'(?:^|,)[^",\r\n][^,\r\n]*"')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NO_TEXT = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet"}
"""How a file begins that is no text, with what it is then."""


@dataclass(frozen=True)
class CsvFile:
    """A CSV as it is read: names of its fields, and the contract's columns among them by name."""

    uri: str
    path: Path
    names: Sequence[str]
    columns: Mapping[str, Column]
    null_values: Sequence[str]
    timestamp_format: str

    def fault(self, raised: BaseException) -> SourceError | None:
        """What in this file made an engine fail; None if the file is not to blame."""
        error = engine_error(raised)
        if error is None:
            return None
        column, values = _accused(str(error))
        kind = self.columns[column].type if column in self.columns else "string"
        try:
            for line, fields in records(self.uri, self.path, strict=True):
                if line > 1 and fields and (found := self._check(line, fields, column, values)):
                    return found
        except SourceError as found:
            return found
        if "CSV malformed" in str(error) and (found_quote := self._stray_quote()):
            return found_quote
        parsed_here = _UNPARSED.search(str(error)) is not None
        return self._misfit(None, column, values[0], kind) if values and parsed_here else None

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

    def _check(
        self, line: int, fields: list[str], accused: str, values: Sequence[str]
    ) -> SourceError | None:
        if len(fields) > len(self.names):
            return self._misshapen(line, fields)
        for name, value in zip(self.names, fields, strict=False):
            if name not in self.columns or value in self.null_values:
                continue
            kind = self.columns[name].type
            wrong = kind == "boolean" and value not in BOOLEANS
            if wrong or (name == accused and kind != "string" and value in values):
                return self._misfit(line, name, value, kind)
        return None

    def _misfit(self, line: int | None, column: str, value: str, kind: str) -> SourceError:
        hidden = column in self.columns and is_hidden(self.columns[column])
        form = {
            "timestamp": f" of the form {self.timestamp_format}",
            "date": " of the form YYYY-MM-DD",
            "boolean": f" ({', '.join(BOOLEANS)})",
        }.get(kind, "")
        place = f", line {line}" if line else ""
        shown = "a (restricted) value" if hidden else repr(value)
        return SourceError(
            f"source {self.uri}{place}: column {column!r} has {shown}, which is no {kind}{form}",
            fix="correct the source, or name it in step.ingest(…, null_values=[…]) to have null",
        )


def _accused(text: str) -> tuple[str, list[str]]:
    """The column that an engine complains of and the values it shows; empty if it does neither."""
    if found := _UNPARSED.search(text):
        return found["column"], [found["value"].strip('"')]
    if found := _UNCONVERTED.search(text):
        values = re.findall(r'"((?:[^"\\]|\\.)*)"', found["values"])
        return found["column"], [
            value.replace('\\"', '"').replace("\\\\", "\\") for value in values
        ]
    return "", []


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
