"""File statistics for the log, from a Parquet footer: counts for all, bounds where they are safe.

A bound that is too narrow makes rows vanish from a reader's result, so bounds are rounded outward
or left out. Format: Delta protocol, "Per-file Statistics".
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT_LENGTH = 32
_LAST_CHARACTER = 0x10FFFF


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
        top = _text_above(high)
        return None if top is None else (low[:_TEXT_LENGTH], top)
    if types.is_floating(kind) and isinstance(low, float):
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    # Readers parse a decimal bound as a double: beyond 15 digits it would be rounded inward.
    if types.is_decimal(kind) and isinstance(low, Decimal) and kind.precision <= 15:
        return float(low), float(high)
    return None


def _timestamps(low: datetime, high: datetime) -> tuple[str, str] | None:
    """Whole milliseconds, which is all that some readers keep."""
    try:
        low = low.replace(microsecond=low.microsecond // 1000 * 1000)
        if high.microsecond % 1000:
            high = high.replace(microsecond=high.microsecond // 1000 * 1000)
            high += timedelta(milliseconds=1)
    except OverflowError:
        return None
    return low.isoformat(timespec="milliseconds"), high.isoformat(timespec="milliseconds")


def _text_above(text: str) -> str | None:
    """A short text that is not less than this one (code point order, as UTF-8 has it)."""
    if len(text) <= _TEXT_LENGTH:
        return text
    cut = text[:_TEXT_LENGTH]
    for at in range(len(cut) - 1, -1, -1):
        code = ord(cut[at]) + 1
        if 0xD800 <= code <= 0xDFFF:
            code = 0xE000  # surrogates are no characters
        if code <= _LAST_CHARACTER:
            return cut[:at] + chr(code)
    return None
