"""A table with every type of the contract at its extremes, and predicates around each value.

Each reader renders the predicates for itself; what is right is what it finds itself without bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakebook import delta
from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.engines import get_engine
from lakebook.intervals import NULL, Interval
from lakebook.names import Dataset

NAN, INF = float("nan"), float("inf")
INTERVAL = Interval.parse("2013-01-01", "2016-01-01")

VALUES: dict[str, tuple[str, list[Any]]] = {
    "text": (
        "string",
        [
            *("", "a" * 32, "a" * 32 + "b", "b\nc", 'q"\\u', "Z", "é" * 40, "\u2028x", None),
            *("~" * 31 + "\U0010ffff" * 5, "\U0010ffff" * 33, "\ud7ff" * 33),
            *("\U00020000" * 40, "\U0001f600"),
        ],
    ),
    "big": ("int64", [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1, None]),
    "small": ("int32", [-(2**31), 0, 2**31 - 1, None]),
    "double": ("float64", [NAN, -INF, INF, -0.0, 0.0, 1.5, 5e-324, -1.7976931348623157e308, None]),
    "float": ("float32", [NAN, -INF, INF, -0.0, 0.0, 1.5, 3.4028234663852886e38, None]),
    "finite": ("float64", [-0.0, 0.1, 2.0, None]),
    "below": ("float64", [0.0, -1.0, -0.5, None]),
    "flag": ("boolean", [True, False, None]),
    "date": (
        "date",
        [date(1, 1, 1), date(1582, 10, 4), date(1969, 12, 31), date(9999, 12, 31), None],
    ),
    "at": (
        "timestamp",
        [
            *(datetime(1, 1, 1), datetime(1582, 10, 14, 1, 2, 3, 4)),
            *(datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(2013, 1, 1, 0, 0, 0, 1001)),
            *(datetime(9999, 12, 31, 23, 59, 59, 999_999), None),
        ],
    ),
    "bytes": ("binary", [b"", b"\0", b"\xff" * 40, b"a", None]),
    "cents": ("decimal(5,2)", [D("-999.99"), D("0.00"), D("0.01"), D("999.99"), None]),
    "wide": (
        "decimal(18,6)",
        [D("-999999999999.999999"), D("0.1"), D("999999999999.999999"), None],
    ),
    "widest": ("decimal(38,10)", [D("-" + "9" * 28 + ".9999999999"), D("0.1"), None]),
    "none": ("int64", [None]),
}


FLOATS = {name: kind for name, (kind, _) in VALUES.items() if kind.startswith("float")}


def contract() -> TableContract:
    columns = (Column("day", "date"), Column("k", "int64", nullable=False))
    return TableContract(
        dataset=Dataset("silver", "events"),
        path=Path("events.contract.yaml"),
        version="1",
        description="",
        columns=(*columns, *(Column(name, kind) for name, (kind, _) in VALUES.items())),
        write="replace",
        time=TimeColumn("day", "UTC", "month"),
    )


def rows() -> pa.Table:
    """All values in one month; then a month for each, whose bounds are narrow; then no time."""
    length = max(len(values) for _, values in VALUES.values())
    found = []
    for k in range(2 * length + 1):
        month = date(2014 + (k - length) // 12, 1 + (k - length) % 12, 1)
        day = date(2013, 1, 1) if k < length else None if k == 2 * length else month
        row = {name: values[k % length % len(values)] for name, (_, values) in VALUES.items()}
        found.append({"day": day, "k": k, **row})
    return pa.Table.from_pylist(found, schema=contract().arrow_schema())


def write(table: Path) -> delta.Snapshot:
    """The table: months with rows, months without, and a partition of rows without a time."""
    import polars as pl

    noted = delta.ensure_table(table, contract())
    stage = delta.begin_stage(table, "run")
    get_engine("polars").stage(pl.from_arrow(rows()), stage, contract(), interval=INTERVAL)
    delta.commit_replace(
        table,
        stage=stage,
        inspection=delta.inspect(stage, contract()),
        partitions=(*INTERVAL.partitions("month"), NULL),
        noted=noted,
        fps={},
        metadata={"run": "run"},
    )
    return delta.open_snapshot(table)


@dataclass(frozen=True)
class Predicate:
    """`column operator value`; value None: the operator has none (`is null`)."""

    column: str
    kind: str
    operator: str
    value: Any

    def sql(self, dialect: str) -> str:
        name = f"`{self.column}`" if dialect == "spark" else f'"{self.column}"'
        if self.value is None:
            return f"{name} {self.operator}"
        return f"{name} {self.operator} {_literal(self.value, self.kind, dialect)}"


def predicates() -> list[Predicate]:
    found = []
    for name, (kind, values) in VALUES.items():
        found += [Predicate(name, kind, o, None) for o in ("is null", "is not null")]
        found += [
            Predicate(name, kind, operator, value)
            for value in values
            if value is not None
            for operator in ("=", "<", "<=", ">", ">=", "<>")
        ]
    return found


def _literal(value: Any, kind: str, dialect: str) -> str:
    spark = dialect == "spark"
    match value:
        case bool():
            return str(value).lower()
        case float():
            special = "nan" if math.isnan(value) else str(value)
            return f"cast('{special}' as {'double' if kind == 'float64' else 'float'})"
        case int():
            return f"cast('{value}' as {'bigint' if kind == 'int64' else 'int'})"
        case D():
            return f"cast('{value}' as {kind})"
        case datetime():
            return f"timestamp{'_ntz' if spark else ''} '{value.isoformat(sep=' ')}'"
        case date():
            return f"date '{value}'"
        case bytes():
            return f"X'{value.hex()}'" if spark else f"from_hex('{value.hex()}')"
    if spark:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + value.replace("'", "''") + "'"
