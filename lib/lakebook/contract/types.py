"""The column types that every engine reads alike, and what they are in Arrow.

Left out on purpose: unsigned and 8/16-bit integers, categoricals, times, durations. delta-rs, Trino
or Polars store each of them as something else, or cannot read it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context
from typing import TYPE_CHECKING

from ..errors import ContractError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from .model import Column

TYPES = ("string", "int64", "int32", "float64", "float32", "boolean", "date", "timestamp", "binary")
"""`timestamp` has microseconds and no zone; by convention it is UTC."""

EXACT = Context(prec=1000)
"""Arithmetic that rounds no decimal: Python's own keeps 28 digits, and a column has up to 38."""

_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")


def check_type(text: str, *, where: str) -> str:
    """Return the type in canonical spelling; raise ContractError with a suggestion."""
    if text in TYPES:
        return text
    if match := _DECIMAL.fullmatch(text):
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= 38 and scale <= precision:
            return f"decimal({precision},{scale})"
    raise ContractError(
        f"unknown type {text!r}{did_you_mean(text, TYPES)}",
        where=where,
        fix=f"use one of {', '.join(TYPES)} or decimal(p,s)",
    )


def arrow_type(text: str) -> pa.DataType:
    import pyarrow as pa

    if match := _DECIMAL.fullmatch(text):
        return pa.decimal128(int(match[1]), int(match[2]))
    return {
        "string": pa.string(),
        "int64": pa.int64(),
        "int32": pa.int32(),
        "float64": pa.float64(),
        "float32": pa.float32(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "binary": pa.binary(),
    }[text]


def type_of(arrow: pa.DataType) -> str | None:
    """A type of Arrow in the contract's words; None if no contract can spell it."""
    import pyarrow as pa

    if pa.types.is_decimal128(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    return next((name for name in TYPES if arrow_type(name) == arrow), None)


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(c.name, arrow_type(c.type), nullable=c.nullable) for c in columns])


_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float64": "DOUBLE",
    "float32": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "binary": "BLOB",
}


def duckdb_type(text: str) -> str:
    """A type as DuckDB spells it; decimals are spelled alike."""
    return _DUCKDB_TYPES.get(text, text.upper())
