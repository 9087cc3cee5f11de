"""File statistics for the log, from a Parquet footer: counts for all, bounds where they are safe.

A bound that is too narrow makes rows vanish from a reader's result, so bounds are rounded outward
or left out. Format: Delta protocol, "Per-file Statistics".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT_LENGTH = 32
_LAST_CHARACTER = 0x10FFFF
_EXACT_DIGITS = 15  # of a decimal: readers parse its bound as a double, which rounds beyond them
_ESCAPED = r"\ud"  # half of a character beyond U+FFFF
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_000)
_PLAIN = re.compile(r"[A-Za-z0-9_]+")  # a name that a list of names can have as it is


def file_stats(
    footer: pq.FileMetaData, schema: pa.Schema, *, nan_columns: Collection[str] = ()
) -> dict[str, Any]:
    """Statistics of a file as the log takes them, ready for JSON."""
    stats: dict[str, Any] = {
        "numRecords": footer.num_rows,
        "minValues": {},
        "maxValues": {},
        "nullCount": {},
    }
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    for position, field in enumerate(schema):
        chunks = [group.column(position).statistics for group in groups]
        if any(chunk is None or not chunk.has_null_count for chunk in chunks):
            continue
        stats["nullCount"][field.name] = sum(chunk.null_count for chunk in chunks)
        if field.name in nan_columns:
            continue
        bounds = _bounds(chunks, field.type)
        if bounds is not None:
            stats["minValues"][field.name], stats["maxValues"][field.name] = bounds
    return stats


def indexed_columns(schema: pa.Schema) -> list[str]:
    """The columns that readers may skip files by: those that have bounds wherever they have values.

    delta-rs's dataset for PyArrow takes a bound that is missing for one that no value keeps, and
    finds no row. Floats lack it for a NaN, others always.
    """
    return [f.name for f in schema if _is_bounded(f.type) and _PLAIN.fullmatch(f.name)]


def for_readers(stats_json: str, schema: pa.Schema) -> str:
    """A file's statistics as the log shows them to every reader.

    It has no bounds at all if one of those columns lacks them (a year that no reader could parse),
    and rare characters as they are: arrow-rs takes U+20000 for U+10000 when it is escaped.
    """
    stats = json.loads(stats_json)
    rows, nulls = stats.get("numRecords", 0), stats.get("nullCount") or {}
    lows = stats.get("minValues") or {}
    lacks = any(n not in lows and nulls.get(n) != rows for n in indexed_columns(schema))
    if rows and lows and lacks:
        stats = {k: v for k, v in stats.items() if k not in ("minValues", "maxValues")}
    elif _ESCAPED not in stats_json:
        return stats_json
    return json.dumps(stats, ensure_ascii=False)


def _is_bounded(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_decimal(kind):
        return bool(kind.precision <= _EXACT_DIGITS)
    return bool(
        types.is_integer(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_string(kind)
    )


def null_count(footer: pq.FileMetaData, position: int) -> int | None:
    """Nulls of a column; None when the footer does not say."""
    total = 0
    for i in range(footer.num_row_groups):
        chunk = footer.row_group(i).column(position).statistics
        if chunk is None or not chunk.has_null_count:
            return None
        total += chunk.null_count
    return total


def _bounds(chunks: list[Any], kind: pa.DataType) -> tuple[Any, Any] | None:
    filled = [chunk for chunk in chunks if chunk.num_values > 0]
    if not filled or not all(chunk.has_min_max for chunk in filled):
        return None
    try:
        low = min(chunk.min for chunk in filled)
        high = max(chunk.max for chunk in filled)
    except (UnicodeDecodeError, OverflowError, ValueError):
        return None  # a writer cut a text inside a character, or a year is beyond Python's
    return outward(low, high, kind)


def outward(low: Any, high: Any, kind: pa.DataType) -> tuple[Any, Any] | None:
    """Bounds as the log has them, of the lowest and the highest value; None: it has none."""
    types = pa.types
    if types.is_integer(kind) and isinstance(low, int):
        return low, high
    if types.is_date(kind) and isinstance(low, date):
        return low.isoformat(), high.isoformat()
    if types.is_timestamp(kind) and isinstance(low, datetime):
        return _timestamps(low, high)
    if types.is_string(kind) and isinstance(low, str):
        return low[:_TEXT_LENGTH], _text_above(high)
    if types.is_floating(kind) and isinstance(low, float):
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    if types.is_decimal(kind) and isinstance(low, Decimal) and kind.precision <= _EXACT_DIGITS:
        return float(low), float(high)
    return None


def _timestamps(low: datetime, high: datetime) -> tuple[str, str]:
    """Whole milliseconds, which is all that some readers keep."""
    low = low.replace(microsecond=low.microsecond // 1000 * 1000)
    top = high.isoformat(timespec="microseconds")  # of the last millisecond: there is none above
    if high.microsecond % 1000 and high < _LAST:
        high = high.replace(microsecond=high.microsecond // 1000 * 1000)
        high += timedelta(milliseconds=1)
    if high < _LAST:
        top = high.isoformat(timespec="milliseconds")
    return low.isoformat(timespec="milliseconds"), top


def _text_above(text: str) -> str:
    """A text that is not less than this one, in code point order, and short if there is one."""
    if len(text) <= _TEXT_LENGTH:
        return text
    cut = text[:_TEXT_LENGTH]
    for at in range(len(cut) - 1, -1, -1):
        code = ord(cut[at]) + 1
        if 0xD800 <= code <= 0xDFFF:
            code = 0xE000  # surrogates are no characters
        if code <= _LAST_CHARACTER:
            return cut[:at] + chr(code)
    return text
