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

SPELLINGS = {
    "string": ("varchar", "char", "character varying", "character", "nvarchar", "text", "str"),
    "int64": ("bigint", "long"),
    "int32": ("integer", "int", "smallint", "short", "tinyint"),
    "float64": ("double", "double precision", "float8"),
    "float32": ("real", "float4"),
    "boolean": ("bool",),
    "date": ("date32",),
    "timestamp": ("datetime", "timestamp_ntz", "timestamp without time zone", "timestamp(6)"),
    "binary": ("bytes", "blob", "bytea", "varbinary"),
    "decimal": ("numeric", "number", "dec"),
}
"""What other tools call the types. A smaller integer is kept as the smallest that every engine
reads."""

_ZONED = (
    "a timestamp has no zone here",
    "write timestamp, whose values are in UTC by convention",
)
_UNCLEAR = {
    "float": ("some tools mean 32 bits by it and others 64", "write float32 or float64"),
    "int8": ("some tools mean 8 bits by it and others 64", "write int32 or int64"),
    "timestamptz": _ZONED,
    "timestamp_tz": _ZONED,
    "timestamp with time zone": _ZONED,
}
_OURS = {spelling: name for name, known in SPELLINGS.items() for spelling in known}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_WITH_NUMBERS = re.compile(r"([a-z0-9_ ]+?)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def check_type(text: str, *, where: str) -> str:
    """Return the type in canonical spelling; raise ContractError with a suggestion."""
    said = _plain(text)
    if said in TYPES or (said in _OURS and _OURS[said] != "decimal"):
        return _OURS.get(said, said)
    name, numbers = _numbers(said)
    if _OURS.get(name) == "string" and len(numbers) == 1 and numbers[0] > 0:
        return "string"
    if _OURS.get(name, name) == "decimal" and numbers:
        precision, scale = (*numbers, 0)[:2]
        if 1 <= precision <= 38 and scale <= precision:
            return f"decimal({precision},{scale})"
    if said in _UNCLEAR:
        why, fix = _UNCLEAR[said]
        raise ContractError(f"type {text!r} is not clear: {why}", where=where, fix=fix)
    raise ContractError(
        f"unknown type {text!r}{did_you_mean(text, TYPES)}",
        where=where,
        fix=f"use one of {', '.join(TYPES)} or decimal(p,s)",
    )


def longest(text: str) -> int | None:
    """The characters that a type such as `varchar(20)` has room for; None for one without end."""
    name, numbers = _numbers(_plain(text))
    return numbers[0] if _OURS.get(name) == "string" and numbers else None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _numbers(said: str) -> tuple[str, tuple[int, ...]]:
    hit = _WITH_NUMBERS.fullmatch(said)
    if hit is None:
        return said, ()
    return hit[1], tuple(int(number) for number in hit.groups()[1:] if number is not None)


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
