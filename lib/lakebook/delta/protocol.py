"""What a table asks of its readers and writers, and what Lakebook can give: it refuses the rest.

A feature that a reader does not know is never ignored: with deletion vectors rows would come back,
with column mapping every value would be null. Format: Delta protocol, "Table Features".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import StorageError

READER_FEATURES = ("timestampNtz",)
WRITER_FEATURES = ("timestampNtz", "invariants")
"""Of new tables. `invariants` belongs to columns that are never null: Spark asks for it."""

_READABLE = frozenset({*READER_FEATURES, "vacuumProtocolCheck"})
_WRITABLE = frozenset(
    {*_READABLE, *WRITER_FEATURES, "appendOnly", "changeDataFeed", "checkConstraints"}
    | {"generatedColumns", "identityColumns"}
)

# A feature may be allowed and not in use; it is by one of these settings, or in the schema.
_BY_SETTING = {
    "delta.appendOnly": "appendOnly",
    "delta.enableChangeDataFeed": "changeDataFeed",
    "delta.enableRowTracking": "rowTracking",
}
_BY_SCHEMA = {
    '"delta.invariants"': "invariants of a column",
    '"delta.generationExpression"': "generatedColumns",
    '"delta.identity.': "identityColumns",
}
_AWAY = "read it with a program that has it, or write its rows into a new dataset"


@dataclass(frozen=True)
class Protocol:
    """The versions that a table asks for, and the features by name (from versions 3 and 7 on)."""

    reader: int
    writer: int
    reader_features: tuple[str, ...] = ()
    writer_features: tuple[str, ...] = ()

    @classmethod
    def of(cls, action: Mapping[str, Any]) -> Protocol:
        return cls(
            int(action["minReaderVersion"]),
            int(action["minWriterVersion"]),
            tuple(action.get("readerFeatures") or ()),
            tuple(action.get("writerFeatures") or ()),
        )

    @property
    def action(self) -> dict[str, Any]:
        return {
            "protocol": {
                "minReaderVersion": self.reader,
                "minWriterVersion": self.writer,
                "readerFeatures": list(self.reader_features),
                "writerFeatures": list(self.writer_features),
            }
        }


OURS = Protocol(3, 7, READER_FEATURES, WRITER_FEATURES)


def check_readable(table: Path, protocol: Protocol | None, settings: Mapping[str, str]) -> None:
    """StorageError naming what a table needs of its readers that Lakebook has not."""
    if protocol is None:
        raise StorageError(
            "the log does not say which protocol the table has",
            where=str(table),
            fix="put the log back from a copy of the lake",
        )
    needs = sorted(set(protocol.reader_features) - _READABLE)
    mapping = settings.get("delta.columnMapping.mode", "none")
    if mapping != "none" and "columnMapping" not in needs:
        needs.append("columnMapping")
    if needs:
        _refuse(table, needs, "reader")
    if protocol.reader > 3:
        _refuse(table, [f"version {protocol.reader} of the protocol"], "reader")


def check_writable(
    table: Path, protocol: Protocol, settings: Mapping[str, str], schema_json: str
) -> None:
    """StorageError naming what a table needs of its writers that Lakebook has not."""
    needs = sorted(set(protocol.writer_features) - _WRITABLE)
    needs += [name for key, name in _BY_SETTING.items() if settings.get(key) == "true"]
    if any(key.startswith("delta.constraints.") for key in settings):
        needs.append("checkConstraints")
    needs += [name for mark, name in _BY_SCHEMA.items() if mark in schema_json]
    if needs:
        _refuse(table, needs, "writer")
    if protocol.writer > 7:
        _refuse(table, [f"version {protocol.writer} of the protocol"], "writer")


def upgraded(protocol: Protocol, schema: pa.Schema) -> Protocol | None:
    """What a table should ask for, if it lacks the feature of its columns that are never null."""
    lacks = protocol.writer == 7 and "invariants" not in protocol.writer_features
    if lacks and not all(field.nullable for field in schema):
        features = (*protocol.writer_features, "invariants")
        return Protocol(protocol.reader, protocol.writer, protocol.reader_features, features)
    return None


def refuse_vectors(table: Path, path: str) -> None:
    _refuse(table, ["deletionVectors"], "reader", f" ({path} has one)")


def _refuse(table: Path, needs: list[str], who: str, more: str = "") -> None:
    raise StorageError(
        f"the table needs {', '.join(needs)} of its {who}s, which Lakebook has not{more}",
        where=str(table),
        fix=_AWAY,
    )
