"""A table's schema in Arrow and as JSON (Delta protocol, "Schema Serialization Format")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from ..errors import StorageError

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_TO_ARROW = {
    "string": pa.string(),
    "long": pa.int64(),
    "integer": pa.int32(),
    "short": pa.int16(),
    "byte": pa.int8(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "binary": pa.binary(),
}
_TO_DELTA = {arrow: delta for delta, arrow in _TO_ARROW.items()}


def schema_to_json(schema: pa.Schema) -> str:
    return json.dumps({"type": "struct", "fields": _fields(schema)})


def with_fields(schema_json: str, more: Iterable[pa.Field]) -> str:
    """A table's schema with columns at its end; what it says of the others stays."""
    found = json.loads(schema_json)
    return json.dumps({**found, "fields": [*found["fields"], *_fields(more)]})


def _fields(fields: Iterable[pa.Field]) -> list[dict[str, Any]]:
    return [
        {"name": f.name, "type": _delta_type(f.type), "nullable": f.nullable, "metadata": {}}
        for f in fields
    ]


def schema_from_json(text: str, *, where: str) -> pa.Schema:
    """Raises StorageError for a type that Lakebook never writes (a struct, a list, a variant)."""
    fields: list[dict[str, Any]] = json.loads(text)["fields"]
    return pa.schema(
        [pa.field(f["name"], _arrow_type(f["type"], where), nullable=f["nullable"]) for f in fields]
    )


def _delta_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return _TO_DELTA[kind]


def _arrow_type(text: Any, where: str) -> pa.DataType:
    if isinstance(text, str):
        if text in _TO_ARROW:
            return _TO_ARROW[text]
        if match := _DECIMAL.fullmatch(text):
            return pa.decimal128(int(match[1]), int(match[2]))
    raise StorageError(f"the table has a column of the type {text!r}", where=where)
