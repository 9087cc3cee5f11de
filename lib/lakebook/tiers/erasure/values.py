"""The values of a subject's rows that are the subject's alone: who somebody is beside the key.

A value of a column counts if no row that stays has it in that column, whatever table of the dataset
the row is in. Nothing here may put a value into an error or a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...contract.model import TableContract
from ...contract.types import arrow_type
from .subject import Subject

LANDING = "_"  # what landing adds to a row is the source's, and not a person's
LONG = 24  # characters of a text that tell whose it is where the rest was cut off


@dataclass
class Values:
    """By column and type. `starts`: beginnings of long texts that nobody else's text has."""

    of: dict[tuple[str, str], set[Any]] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)

    def add(self, other: Values) -> None:
        for key, values in other.of.items():
            self.of.setdefault(key, set()).update(values)
        self.starts |= other.starts

    def to_json(self) -> dict[str, Any]:
        return {
            "starts": sorted(self.starts),
            "of": [[*key, [_text(v) for v in values]] for key, values in self.of.items()],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Values:
        made = cls(starts=set(raw["starts"]))
        for column, kind, texts in raw["of"]:
            made.of[column, kind] = {_value(kind, text) for text in texts}
        return made


def values_alone(contract: TableContract, files: Iterable[Path], subject: Subject) -> Values:
    """Read the files of a dataset's tables, all that there are; one that is gone is left out."""
    paths = list(files)
    kinds = {c.name: c.type for c in contract.columns if not c.name.startswith(LANDING)}
    theirs: dict[str, set[Any]] = {name: set() for name in kinds}
    for rows, mask in _rows(paths, kinds, subject):
        for name, column in _columns(rows.filter(mask), kinds):
            theirs[name].update(column.unique().to_pylist())
    wanted = {name: values - {None} for name, values in theirs.items() if values - {None}}
    starts = {
        name: {v[:LONG] for v in values if len(v) > LONG}
        for name, values in wanted.items()
        if kinds[name] == "string"
    }
    if wanted:
        for rows, mask in _rows(paths, kinds, subject):
            for name, column in _columns(rows.filter(pc.invert(mask)), kinds):
                if wanted.get(name):
                    wanted[name] -= _among(column, wanted[name])
                if starts.get(name):
                    starts[name] -= _among(pc.utf8_slice_codeunits(column, 0, LONG), starts[name])
    made = Values(starts=set().union(*starts.values()))
    made.of = {(name, kinds[name]): values for name, values in wanted.items() if values}
    return made


def _rows(
    paths: Iterable[Path], kinds: Mapping[str, str], subject: Subject
) -> Iterator[tuple[pa.Table, pa.ChunkedArray]]:
    """Row groups, and which of their rows are the subject's."""
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                names = [name for name in file.schema_arrow.names if name in kinds]
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, columns=names, use_threads=False)
                    if set(subject.columns) <= set(names):
                        yield rows, subject.rows_in(rows)
                    else:
                        yield rows, pa.chunked_array([pa.repeat(False, len(rows))], pa.bool_())
        except FileNotFoundError:
            continue
        except (pa.ArrowException, OSError):
            continue  # the erasure names it when it comes to it


def _columns(rows: pa.Table, kinds: Mapping[str, str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    for name in rows.column_names:
        try:
            yield name, rows[name].cast(arrow_type(kinds[name]))
        except pa.ArrowException:
            continue  # an older file's column of another type


def _among(column: pa.ChunkedArray, values: set[Any]) -> set[Any]:
    found = column.filter(pc.is_in(column, pa.array(list(values), column.type)))
    return set(found.unique().to_pylist())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date) else str(value)


def _value(kind: str, text: str) -> Any:
    if kind.startswith("int"):
        return int(text)
    if kind.startswith("float"):
        return float(text)
    if kind.startswith("decimal"):
        return Decimal(text)
    parse = {
        "boolean": lambda one: one == "True",
        "date": date.fromisoformat,
        "timestamp": datetime.fromisoformat,
        "binary": bytes.fromhex,
    }
    return parse.get(kind, str)(text)
