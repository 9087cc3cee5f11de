"""One table of a contract: columns, time, way of writing, service level and tiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from ..errors import did_you_mean
from ..intervals import Unit
from ..names import Dataset
from ..zones import names, zone_named
from .column_names import RESERVED, is_column_name
from .misfits import read_action, with_misfits
from .model import Column, TableContract, TimeColumn, WriteKind
from .reader import Reader
from .rules import read_relationships, read_rules
from .service import read_service
from .tiers import read_policy
from .types import check_type

WRITES = ("replace", "snapshot", "merge", "append")
UNITS = ("day", "month")
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
_LOGICAL = {
    "string": "string",
    "int64": "integer",
    "int32": "integer",
    "float64": "number",
    "float32": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "binary": "string",  # ODCS has no logical type for bytes; its format option says `binary`
}


def read_table(
    table: Reader, contract: Reader, *, path: Path, layer: str, owner: str
) -> TableContract:
    """Read one entry of `schema`; raises ContractError with its line."""
    dataset = Dataset.parse(f"{layer}.{table['name']}", where=table.where("name"))
    if not table["properties"]:
        raise table.error(f"table {dataset.name!r} has no columns", fix="list them in properties")
    columns = _columns(table)
    _check_physical_name(table, (dataset.name, str(dataset)))
    own = table.properties()
    time = _time(table, own, columns)
    write = _write(table, own, time)
    columns = with_misfits(table, own, columns, time, write)
    rules = read_rules(table, columns, dataset)
    sla, retention = read_service(contract, dataset, time.column if time else None)
    found = TableContract(
        dataset=dataset,
        path=path,
        version=contract.text("version"),
        description=table.text("description"),
        columns=columns,
        write=write,
        time=time,
        rules=rules,
        relationships=read_relationships(table, dataset, columns, rules),
        owner=owner,
        domain=contract.text("domain"),
        tags=tuple(dict.fromkeys([*(contract["tags"] or ()), *(table["tags"] or ())])),
        terms=_terms(own),
        tier=read_policy(own, retention),
        sla=sla,
        nulls=_nulls(own) or (),
    )
    _check_key(table, found)
    return found


def _columns(table: Reader) -> tuple[Column, ...]:
    columns: dict[str, Column] = {}
    for raw in table.items("properties"):
        column = _column(raw)
        if column.name in columns:
            raise raw.error(
                f"column {column.name!r} stands twice (first in line {columns[column.name].line})",
                "name",
            )
        columns[column.name] = column
    return tuple(columns.values())


def _column(raw: Reader) -> Column:
    name = str(raw["name"])
    if not is_column_name(name):
        raise raw.error(
            f"{name!r} is not a column name",
            "name",
            fix="use lower case letters, digits and _ (some engines fold case)",
        )
    if name in RESERVED:
        raise raw.error(f"the column name {name!r} is Lakebook's own", "name", fix="rename it")
    if not raw["physicalType"]:
        raise raw.error(
            f"column {name!r} has no physicalType", fix="add one, such as physicalType: string"
        )
    kind = check_type(raw["physicalType"], where=raw.where("physicalType"))
    logical = _LOGICAL.get(kind, "number")  # the rest is decimal(p,s)
    if raw["logicalType"] not in (None, logical):
        raise raw.error(
            f"column {name!r} is logically {raw['logicalType']} and physically {kind}",
            "logicalType",
            fix=f"write logicalType: {logical}, or another physicalType",
        )
    _check_physical_name(raw, (name,))
    if raw["semanticType"] == "measure":
        raise raw.error(
            f"{name!r} is a measure, which is computed by its reader and is no column",
            "semanticType",
            fix="leave it out of the properties, or write semanticType: column",
        )
    own = raw.properties()
    if raw["classification"]:
        raw.choice(raw["classification"], CLASSIFICATIONS, "classification", "classification")
    return Column(
        name=name,
        type=kind,
        nullable=not raw["required"],
        description=raw.text("description"),
        classification=raw.text("classification"),
        unit=str(own["unit"][0]) if "unit" in own else "",
        tags=tuple(raw["tags"] or ()),
        terms=_terms(own),
        key_position=_key_position(raw),
        line=raw.line,
        nulls=_nulls(own),
        misfits=read_action(own),
    )


def _check_physical_name(raw: Reader, names: tuple[str, ...]) -> None:
    """Nothing in the lake is called otherwise than in its contract."""
    if raw["physicalName"] not in (None, *names):
        raise raw.error(
            f"{raw['name']!r} has the physicalName {raw['physicalName']!r}, and is called "
            f"{names[-1]} in the lake",
            "physicalName",
            fix="leave it out, or change the name",
        )


def _key_position(raw: Reader) -> int | None:
    if not raw["primaryKey"]:
        if raw["primaryKeyPosition"] not in (None, -1):  # -1 is the standard's default
            raise raw.error(
                f"column {raw['name']!r} has a primaryKeyPosition and is no primary key",
                "primaryKeyPosition",
                fix="add primaryKey: true, or leave the position out",
            )
        return None
    if not raw["required"]:
        raise raw.error(
            f"column {raw['name']!r} is part of the primary key and may be null",
            "primaryKey",
            fix="add required: true",
        )
    position = raw["primaryKeyPosition"]
    return 1 if position is None else int(position)


def _terms(own: dict[str, tuple[Any, Reader]]) -> tuple[str, ...]:
    """Words of the glossary that a table or column is about."""
    if "terms" not in own:
        return ()
    value, at = own["terms"]
    if not all(isinstance(term, str) and term.strip() for term in value):
        raise at.error(f"terms {value!r} are not words", "value", fix="write [Departure delay]")
    return tuple(dict.fromkeys(value))


def _nulls(own: dict[str, tuple[Any, Reader]]) -> tuple[str, ...] | None:
    """Texts of a source that mean null; None where the contract does not say."""
    if "nullValues" not in own:
        return None
    value, at = own["nullValues"]
    for text in value:
        if not isinstance(text, str):
            raise at.error(
                f"nullValues has {text!r}, which is no text",
                "value",
                fix="write each as it stands in the source, in quotes: ['NA', '-999']",
            )
    return tuple(dict.fromkeys(text for text in value if text))  # an empty field is always null


def _check_key(table: Reader, found: TableContract) -> None:
    positions = sorted(c.key_position for c in found.columns if c.key_position is not None)
    if positions != list(range(1, len(positions) + 1)):
        raise table.error(
            f"the primary key positions of {found.dataset.name!r} are {positions}",
            fix="number primaryKeyPosition from 1, each once",
        )
    if found.write == "merge" and not positions:
        raise table.error(
            f"table {found.dataset.name!r} is written by merge and has no primary key",
            fix="mark its key columns with primaryKey: true",
        )


def _time(
    table: Reader, own: dict[str, tuple[Any, Reader]], columns: tuple[Column, ...]
) -> TimeColumn | None:
    parts = ("timeColumn", "timeZone", "partitionUnit")
    given = [p for p in parts if p in own]
    if not given:
        return None
    if missing := [p for p in parts if p not in own]:
        raise own[given[0]][1].error(
            f"{given[0]} without {' and '.join(missing)}",
            fix="a table with time states timeColumn, timeZone and partitionUnit",
        )
    name, at = own["timeColumn"]
    column = next((c for c in columns if c.name == name), None)
    if column is None:
        names = [c.name for c in columns]
        raise at.error(f"timeColumn {name!r} is no column{did_you_mean(name, names)}", "value")
    if column.type not in ("date", "timestamp"):
        raise at.error(
            f"timeColumn {name!r} has the type {column.type}",
            "value",
            fix="choose a date or timestamp column",
        )
    zone, zone_at = own["timeZone"]
    _check_zone(zone, zone_at)
    unit, unit_at = own["partitionUnit"]
    unit_at.choice(unit, UNITS, "partitionUnit", "value")
    return TimeColumn(column=name, zone=zone, unit=cast(Unit, unit))


def _check_zone(zone: str, at: Reader) -> None:
    try:
        zone_named(zone)
    except KeyError:
        raise at.error(
            f"timeZone {zone!r} is unknown{did_you_mean(zone, names())}",
            "value",
            fix="use a name of the IANA database, such as America/New_York or UTC",
        ) from None


def _write(table: Reader, own: dict[str, tuple[Any, Reader]], time: TimeColumn | None) -> WriteKind:
    if "write" not in own:
        return "replace" if time else "snapshot"
    value, at = own["write"]
    at.choice(value, WRITES, "write", "value")
    if value in ("replace", "append") and time is None:
        raise at.error(
            f"write {value} needs a timeColumn",
            "value",
            fix="add timeColumn, timeZone and partitionUnit, or write snapshot",
        )
    if value == "snapshot" and time is not None:
        raise at.error(
            "write snapshot and a timeColumn",
            "value",
            fix="write replace, or leave the timeColumn out",
        )
    return cast(WriteKind, value)
