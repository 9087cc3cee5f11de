"""Takes bounds out of Parquet footers that would hide a row: those of columns that hold a NaN.

A footer's bounds leave NaN out, and DuckDB and Spark, for whom NaN is more than any number, skip a
row group by them for `x > 5`. No writer can be told so for one column only.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .thrift import Field, Items, decode, encode, field

_MAGIC = b"PAR1"
_TAIL = struct.Struct("<I4s")  # length of the footer, and how the file ends

# Numbers of fields, by parquet.thrift.
_ROW_GROUPS, _COLUMNS, _COLUMN, _PATH, _STATISTICS = 4, 1, 3, 3, 12
_BOUNDS = (1, 2, 5, 6, 7, 8)  # of Statistics: least and greatest, old and new, and their flags
_PAGE_BOUNDS = (6, 7)  # of ColumnChunk: where the bounds of its pages are


def drop_bounds(path: Path, columns: Collection[str]) -> bool:
    """Take the bounds of some columns out of a file that nobody reads yet; False: it had none.

    The count of nulls stays. The file is not synced.
    """
    with path.open("r+b") as file:
        file.seek(-_TAIL.size, 2)
        length, magic = _TAIL.unpack(file.read(_TAIL.size))
        if magic != _MAGIC:
            raise ValueError(f"{path} does not end as a Parquet file")
        start = file.seek(-_TAIL.size - length, 2)
        footer = decode(file.read(length))
        changed = [_drop(chunk) for chunk in _chunks(footer, columns)]
        if not any(changed):
            return False
        content = encode(footer)
        file.seek(start)
        file.write(content + _TAIL.pack(len(content), _MAGIC))
        file.truncate()
    return True


def hides_nan(path: Path, stats: Mapping[str, Any] | None, schema: pa.Schema) -> bool:
    """Whether a published file has bounds over a NaN, as files of older versions do.

    stats: what the log says of it. Bounds that it lacks were left out for a NaN, or an infinity.
    """
    import pyarrow.compute as pc

    if not stats or not stats.get("numRecords"):
        return False
    nulls, lows = stats.get("nullCount", {}), stats.get("minValues", {})
    open_ended = {
        f.name
        for f in schema
        if pa.types.is_floating(f.type)
        and f.name not in lows
        and nulls.get(f.name) != stats["numRecords"]
    }
    if not open_ended:
        return False
    try:
        with pq.ParquetFile(path) as file:
            for column in sorted(_bounded(file.metadata, open_ended)):
                values = file.read([column], use_threads=False)[column]
                if pc.any(pc.is_nan(values)).as_py():
                    return True
    except FileNotFoundError:
        pass  # replaced and deleted meanwhile: nobody reads it
    return False


def _bounded(footer: pq.FileMetaData, columns: Collection[str]) -> set[str]:
    """Those of some columns that have bounds in a footer."""
    found = set()
    for group in range(footer.num_row_groups):
        for at in range(footer.num_columns):
            chunk = footer.row_group(group).column(at)
            if chunk.path_in_schema in columns and (
                chunk.has_column_index
                or (chunk.statistics is not None and chunk.statistics.has_min_max)
            ):
                found.add(chunk.path_in_schema)
    return found


def _chunks(footer: list[Field], columns: Collection[str]) -> Iterator[list[Field]]:
    """The column chunks of some columns, in all row groups."""
    wanted = [_text(name.encode()) for name in columns]
    groups: Items = field(footer, _ROW_GROUPS) or Items(12, [])
    for group in groups.values:
        for chunk in field(group, _COLUMNS).values:
            about = field(chunk, _COLUMN)
            if about is not None and field(about, _PATH).values in ([name] for name in wanted):
                yield chunk


def _drop(chunk: list[Field]) -> bool:
    before = len(chunk)
    chunk[:] = [each for each in chunk if each.number not in _PAGE_BOUNDS]
    statistics = field(field(chunk, _COLUMN), _STATISTICS)
    if statistics is None:
        return len(chunk) < before
    both = before + len(statistics)
    statistics[:] = [each for each in statistics if each.number not in _BOUNDS]
    return len(chunk) + len(statistics) < both


def _text(value: bytes) -> bytes:
    """A text with its length before it, as it stands in a footer."""
    size, head = len(value), bytearray()
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + value
