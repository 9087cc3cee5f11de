"""A dbt project in a folder, and a step whose tables are files, for tests that build models."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import yaml

from lakebook.engines import get_engine
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.settings import Settings
from lakebook.step.context import DbtRequest, ReadRequest
from lakebook.step.dbt_run import run_selection as run_request

REPO = Path(__file__).resolve().parents[1]
SCHEMA = pa.schema([("day", pa.date32()), ("n", pa.int64()), ("gained", pa.string())])
EVENTS = Dataset("silver", "events")
TOTAL = Dataset("gold", "total")

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {dataset}
name: {dataset}
version: 1.0.0
status: active
domain: tests
tags: [events]
description: {{purpose: Events of the tests.}}
team: {{name: tests, members: [{{username: owner@example.org, role: owner}}]}}
slaProperties: [{{property: latency, value: 24, unit: h}}]
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    description: One row per event.
    customProperties:
{properties}    properties:
{columns}"""
_TIME = """\
      - {property: write, value: replace}
      - {property: timeColumn, value: day}
      - {property: timeZone, value: UTC}
      - {property: partitionUnit, value: month}
"""
_TIMELESS = "      - {property: write, value: snapshot}\n"
DAY = "      - {name: day, logicalType: date, physicalType: date}\n"
N = "      - {name: n, logicalType: integer, physicalType: int64}\n"
GAINED = "      - {name: gained, logicalType: string, physicalType: string}\n"
YAML = """\
version: 2
sources:
  - {name: silver, schema: silver, tables: [{name: events}]}
models:
  - name: total
    columns:
      - {name: n, data_type: bigint, data_tests: [not_null]}
  - name: doubled
    columns:
      - {name: n, data_type: bigint}
"""


def run_selection(
    host: Host, selection: str, *, before: int = 0, after: int = 0, whole: bool = False
) -> Any:
    return run_request(host, DbtRequest(selection, before, after, whole))


@dataclass
class Host:
    """A step whose tables are files, and that notes what it is given to write."""

    settings: Settings
    files: list[str]
    interval: Interval | None = None
    step: Dataset = TOTAL
    engine: Any = field(default_factory=lambda: get_engine("polars"))
    written: dict[str, list[Any]] = field(default_factory=dict)
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    withheld: dict[str, list[str]] = field(default_factory=dict)
    asked: list[ReadRequest] = field(default_factory=list)
    others: dict[str, tuple[list[str], pa.Schema]] = field(default_factory=dict)

    def note_checks(self, checks: list[dict[str, Any]]) -> None:
        self.checks.extend(checks)

    def dataset_files(self, request: ReadRequest) -> tuple[list[str], pa.Schema]:
        self.asked.append(request)
        if request.dataset == EVENTS:
            return self.files, SCHEMA
        return self.others[str(request.dataset)]

    def write(self, frame: Any, table: Dataset) -> Dataset:
        rows = frame.collect()
        self.written[str(table)] = rows["n"].to_list()
        self.frames[str(table)] = rows.to_native()
        return table

    # -- what stands in the folder ---------------------------------------------------------------

    def put(self, path: str, text: str) -> None:
        """A file of the project."""
        place = self.settings.dbt / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def model(self, name: str, sql: str, **described: Any) -> None:
        """A model's SQL, and its YAML: `columns` by name, each with its type or as dbt has it."""
        self.put(f"models/{name}.sql", sql)
        path = self.settings.dbt / "models" / "models.yml"
        known = yaml.safe_load(path.read_text())
        columns = [
            {"name": c, **({"data_type": given} if isinstance(given, str) else given)}
            for c, given in described.pop("columns", {"n": "bigint"}).items()
        ]
        entry = {"name": name, "columns": columns, **described}
        known["models"] = [m for m in known["models"] if m["name"] != name] + [entry]
        path.write_text(yaml.safe_dump(known))

    def events(self, rows: list[tuple[date | None, int]]) -> None:
        given = pl.DataFrame(rows, schema={"day": pl.Date, "n": pl.Int64}, orient="row")
        given.write_parquet(self.files[0])

    def dataset(self, name: str, *numbers: int) -> None:
        """Another dataset, of a column `n`."""
        path = self.settings.root / f"{name}.parquet"
        rows = pl.DataFrame({"n": numbers}, schema={"n": pl.Int64})
        rows.write_parquet(path)
        self.others[name] = ([str(path)], rows.to_arrow().schema)
        write_contract(self.settings.root, name, N, time=False)


def write_contract(root: Path, dataset: str, columns: str, *, time: bool = True) -> None:
    layer, name = dataset.split(".")
    path = root / "notebooks" / layer / f"{name}.contract.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    properties = _TIME if time else _TIMELESS
    path.write_text(
        CONTRACT.format(dataset=dataset, name=name, properties=properties, columns=columns)
    )


def make_host(root: Path) -> Host:
    """`silver.events (day, n, gained)` by month, and the models `total` and `doubled`."""
    write_contract(root, str(EVENTS), DAY + N + GAINED)
    for name in ("dbt_project.yml", "profiles.yml", "macros/lakebook.sql"):
        target = root / "dbt" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((REPO / "dbt" / name).read_text())
    path = root / "_partition=2013-01" / "old file's.parquet"
    path.parent.mkdir()
    host = Host(Settings(root, root / "lake"), [str(path)])
    host.put("models/models.yml", YAML)
    host.put(
        "models/total.sql",
        """select cast(sum(n) as bigint) as n from {{ source("silver", "events") }}""",
    )
    host.put("models/doubled.sql", """select 2 * n as n from {{ ref("total") }}""")
    host.events([(date(2013, 1, 1), 1), (date(2013, 1, 9), 10), (None, 100)])
    return host
