"""A checkout written by the tests: contracts and notebooks of a few cells, checked once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lakebook.graph import Graph, load_graph
from lakebook.lineage import CheckReport, StepCheck, check
from lakebook.names import Dataset, contract_path, notebook_path
from lakebook.settings import Settings

_LOGICAL = {"string": "string", "boolean": "boolean", "date": "date", "timestamp": "timestamp"}
_LOGICAL |= {"int64": "integer", "int32": "integer", "float64": "number"}


@dataclass(frozen=True)
class Project:
    root: Path

    @property
    def settings(self) -> Settings:
        return Settings(root=self.root, lake=self.root / ".lake")

    def graph(self) -> Graph:
        return load_graph(self.settings).whole()

    def contract(self, step: str, tables: dict[str, str], time: str = "") -> None:
        """Tables as `name: "column type, column type!"`; `!` means required."""
        path = contract_path(self.root, Dataset.parse(step))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(_contract(step, tables, time)), encoding="utf-8")

    def notebook(self, step: str, cells: Sequence[str]) -> None:
        """Cells of code; one may begin with a line `#tag view`. Cell 1 is a title."""
        path = notebook_path(self.root, Dataset.parse(step))
        path.parent.mkdir(parents=True, exist_ok=True)
        written = [_cell("markdown", f"# {step}")]
        for source in cells:
            first, _, rest = source.partition("\n")
            tag = first.removeprefix("#tag ") if first.startswith("#tag ") else ""
            written.append(_cell("code", rest if tag else source, tag))
        raw = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(raw), encoding="utf-8")

    def step(self, name: str, columns: str, *cells: str, time: str = "") -> None:
        """A step with one table. Cell 2 makes the Step, the others follow."""
        self.contract(name, {name.partition(".")[2]: columns}, time)
        begin = f'import narwhals as nw\nfrom lakebook import Step\nstep = Step("{name}")'
        self.notebook(name, [begin, *cells])


def _cell(kind: str, source: str, tag: str = "") -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": "c",
        "metadata": {"tags": [tag]} if tag else {},
        "source": source.splitlines(keepends=True),
    }
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def _contract(step: str, tables: dict[str, str], time: str) -> dict[str, object]:
    own = [{"property": "write", "value": "replace" if time else "snapshot"}]
    if time:
        own += [
            {"property": "timeColumn", "value": time},
            {"property": "timeZone", "value": "UTC"},
            {"property": "partitionUnit", "value": "month"},
        ]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": step,
        "name": step,
        "version": "1.0.0",
        "status": "active",
        "domain": "test",
        "description": {"purpose": "a test"},
        "team": {"name": "t", "members": [{"username": "t@example.org", "role": "owner"}]},
        "schema": [
            {
                "name": name,
                "logicalType": "object",
                "physicalType": "table",
                "description": "a table",
                "customProperties": own,
                "properties": [_column(text.strip()) for text in columns.split(",")],
            }
            for name, columns in tables.items()
        ],
    }


def _column(text: str) -> dict[str, object]:
    name, kind = text.split(" ")
    required = kind.endswith("!")
    kind = kind.rstrip("!")
    return {
        "name": name,
        "logicalType": _LOGICAL[kind],
        "physicalType": kind,
        "required": required,
        "description": "a column",
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


FLIGHTS = "dep_time int64, sched int64, carrier string!, day string, dist int64, at timestamp!"


@dataclass(frozen=True)
class Checked:
    """The project that all tests of this folder share, and its one report."""

    project: Project
    report: CheckReport

    def of(self, step: str) -> StepCheck:
        return next(found for found in self.report.steps if found.step == step)

    def sentences(self, step: str) -> list[str]:
        return [finding.sentence for finding in self.of(step).findings]

    def edges(self, step: str, column: str) -> set[str]:
        """`table.column` of all that enters a column of the step's own table."""
        return {
            f"{edge.source}.{edge.source_column}"
            for edge in self.of(step).lineage.columns
            if (edge.target, edge.target_column) == (step, column)
        }


READ = 'flights = step.read("bronze.flights")'


def write_project(project: Project) -> None:
    """Two landed tables, and one silver step per thing that may be right or wrong."""
    project.step(
        "bronze.flights",
        FLIGHTS + ", _source string",
        'step.write(step.ingest("file://flights.csv"))',
    )
    project.step(
        "bronze.airlines",
        "carrier string!, name string",
        'step.write(step.ingest("file://airlines.csv"))',
    )
    step = project.step
    step(
        "silver.good",
        "carrier string!, late int64",
        "print('not seen')\nimport matplotlib.pyplot as plt",
        READ,
        "late = flights.select('carrier', late=nw.col('dep_time') - nw.col('sched'))",
        "step.write(late)",
        "#tag view\nplt.plot(step.result().collect()['no_such_column'])",
    )
    step(
        "silver.looked",
        "carrier string!",
        READ,
        "step.preview(flights, rows=3)\nshown = step.profile(flights.select('dist'))",
        "step.diff(flights)\nstep.write(flights.select('carrier'))\nstep.diff()",
        "#tag view\nstep.preview(flights.select('no_such_column'))",
    )
    step("silver.misspelt", "carrier string!", READ, "x = flights.filter(nw.col('dep_tme') > 0)",
         "step.write(x.select('carrier'))")  # fmt: skip
    step("silver.dropped", "carrier string!", READ, "x = flights.select('carrier')",
         "y = x.filter(nw.col('dist') > 0)\nstep.write(y)")  # fmt: skip
    step("silver.retyped", "carrier string!, dist string", READ,
         "step.write(flights.select('carrier', 'dist'))")  # fmt: skip
    step("silver.widened", "dep_time int64, small int64",
         "import pandas as pd\nassert pd.NA is not None", READ,
         "step.write(flights.select('dep_time', small=nw.col('dist').cast(nw.Int32)))")  # fmt: skip
    step("silver.missing", "carrier string!, distance int64", READ,
         "step.write(flights.select('carrier', distnce='dist'))")  # fmt: skip
    step("silver.extra", "carrier string!", READ, "step.write(flights.select('carrier', 'dist'))")
    step("silver.empty", "carrier string!, note string!", READ,
         "step.write(flights.select('carrier', note=nw.lit(None)))")  # fmt: skip
    step("silver.unwritten", "carrier string!", READ)
    step("silver.twice", "carrier string!, day string", READ, "for day in ('1', '2'):\n"
         "    step.write(flights.select('carrier', 'day').filter(day=day))")  # fmt: skip
    step("silver.raising", "carrier string!", READ, "1 / 0")
    step("silver.ending", "carrier string!", READ, "import os\nos._exit(3)")
    step(
        "silver.native",
        "carrier string!",
        READ,
        "import polars as pl\nx = nw.to_native(flights).with_row_index()",
        "step.write(x.select(pl.col('carrier')))",
    )
    step(
        "silver.shaped",
        "carrier string!, airline string, late boolean, label string, on date, total int64",
        READ + "\nairlines = step.read('bronze.airlines')",
        "x = flights.join(airlines, on='carrier', how='left').rename({'name': 'airline'})",
        """
x = x.with_columns(
    late=nw.when(nw.col("dep_time") > nw.col("sched")).then(True).otherwise(False),
    label=nw.concat_str([nw.col("carrier"), nw.col("day")], separator="-"),
    on=nw.col("day").str.to_datetime(format="%Y-%m-%d").dt.date(),
    total=nw.col("dist").cum_sum().over("carrier", order_by="at"),
)""",
        "step.write(x.select('carrier', 'airline', 'late', 'label', 'on', 'total'))",
    )
    step(
        "silver.grouped",
        "carrier string!, flights int64, dist int64",
        "shaped = step.read('silver.shaped')",
        "x = shaped.group_by('carrier').agg(nw.len().alias('flights'), nw.col('total').sum())",
        "step.write(x.select('carrier', nw.col('flights').cast(nw.Int64), dist='total'))",
    )
    project.contract("silver.monthly", {"monthly": "carrier string!, at timestamp!"}, "at")
    project.notebook(
        "silver.monthly",
        [
            "#tag parameters\nstart = '2020-05-17'\nend = '2020-05-18'",
            "from lakebook import Step\nstep = Step('silver.monthly', start=start, end=end)",
            "assert (start, end) == ('2020-05-01', '2020-06-01')",
            "step.write(step.read('bronze.flights').select('carrier', 'at'))",
        ],
    )
    write_sql_steps(project)
    project.contract("silver.own", {"own": "carrier string!, row int64"})
    project.notebook(
        "silver.own",
        [
            "import polars as pl\nfrom lakebook import Step",
            "step = Step('silver.own', engine='polars')",
            "rows = step.read('bronze.flights').to_native().with_row_index('row')",
            "step.write(rows.select('carrier', pl.col('row').cast(pl.Int64)))",
        ],
    )


def write_sql_steps(project: Project) -> None:
    """Steps whose work is done in SQL, in part or in whole."""
    step = project.step
    step(
        "silver.sql",
        "carrier string!, airline string, late_min int64, flights int64",
        """
late = step.sql('''
    with late as (select carrier, dep_time - sched as late_min from bronze.flights)
    select l.carrier, a.name as airline, sum(l.late_min) as late_min, count(*) as flights
    from late l left join bronze.airlines a using (carrier)
    group by all
''')""",
        "step.write(late)",
    )
    step(
        "silver.sql_mixed",
        "carrier string!, airline string, km float64, since timestamp",
        READ + "\nfar = flights.filter(nw.col('dist') > 5).with_columns(km=nw.col('dist') * 1.6)",
        "named = step.sql('select far.*, a.name as airline from far join bronze.airlines a '\n"
        "    'using (carrier)', far=far)",
        "two = step.sql('select n.*, m.at as since from named n join named m using (carrier)'\n"
        "    ' where m.at > $after', named=named, params={'after': step.now})",
        "step.write(two.select('carrier', 'airline', 'km', 'since'))",
    )
    step(
        "silver.sql_by_name",
        "carrier string!, day string, dist int64, sched int64",
        READ + "\nold = flights.select('day', 'carrier', dist='sched', sched='dist')",
        "step.write(step.sql('select carrier, day, sched, dist from old union all by name '\n"
        "    'select (f).dist as dist, f.sched, q.* from bronze.flights f, '\n"
        "    'lateral (select f.day, f.carrier) q',"
        " old=old))",
    )
    step("silver.sql_misspelt", "carrier string!",
         "x = step.sql('select f.carier from bronze.flights f')", "step.write(x)")  # fmt: skip
    step("silver.sql_retyped", "carrier string!, dist string",
         "x = step.sql('select carrier, sum(dist) as dist from bronze.flights group by 1')",
         "step.write(x)")  # fmt: skip


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    project = Project(tmp_path_factory.mktemp("checkout"))
    write_project(project)
    return Checked(project, check(project.settings, project.graph()))
