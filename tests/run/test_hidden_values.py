"""No value that must stay hidden reaches who has no right to it, by any command, error or file.

Secrets of each type are planted in each place; then everything is run, and all that a reader of
reports can see is searched, unpacked. The lists of steps and commands are data: add to them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from leaks import found_below, found_in
from sampling import chosen
from small_checkout import COLUMNS, LANDING, Checkout, rule
from typer.testing import CliRunner

from lakebook.cli.main import app

LINGER = 60
pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900)]

SECRETS = {
    "text": "zq-text@secret.example",
    "integer": 99887766554433,
    "float": 271828.1828459,
    "date": date(1907, 3, 14),
    "timestamp": datetime(1911, 5, 17, 3, 4, 5, 123456),
    "decimal": Decimal("8675309.4242"),
    "quarantined": "zq-aside@secret.example",
    "without time": "zq-null@secret.example",
    "gained": "078-05-1120-zq",
    "gained, set aside": "078-05-9999-zq",
    "parameter": "zq-parameter-secret",
    "in the environment": "zq-ana@secret.example",
}
KINDS = {
    "s": "string string",
    "i": "integer int64",
    "f": "number float64",
    "d": "date date",
    "t": "timestamp timestamp",
    "m": "number decimal(18,4)",
}
PEOPLE = f"""id,seen,amount,s,i,f,d,t,m,ssn
1,2013-01-01T10:00:00Z,10,{SECRETS["text"]},{SECRETS["integer"]},{SECRETS["float"]},\
{SECRETS["date"]},{SECRETS["timestamp"].isoformat()}Z,{SECRETS["decimal"]},{SECRETS["gained"]}
2,2013-01-01T11:00:00Z,-5,{SECRETS["quarantined"]},7,1.5,2001-01-01,2001-01-01T00:00:00Z,1.0,\
{SECRETS["gained, set aside"]}
3,,30,{SECRETS["without time"]},8,2.5,2001-01-02,2001-01-02T00:00:00Z,2.0,x
"""
OPEN_TIME = COLUMNS.replace(", required: true}", "}")
HEAD = "from lakebook import Step\nimport polars as pl\nimport narwhals as nw\n"
READ = 'people = step.read("bronze.people")'
FIRST = 'value = people.filter(nw.col("id") == 1).collect()["s"][0]'
WRITE = 'step.write(people.select("id", "seen", "amount"))'


ORDERS = """from datetime import datetime
rows = {"id": [1], "seen": [datetime(2013, 1, 1)], "amount": [1], "who": ["x"]}
step.write(pl.LazyFrame(rows))"""
WHO = """      - name: who
        logicalType: string
        physicalType: string
        relationships:
          - to: bronze.people.s
            customProperties:
              - {property: action, value: warn}
              - {property: reason, value: not everybody has come}
"""


def restricted() -> str:
    lines = []
    for name, kind in KINDS.items():
        logical, physical = kind.split()
        lines.append(
            f"      - {{name: {name}, logicalType: {logical}, physicalType: '{physical}', "
            "classification: restricted}\n"
        )
    return "".join(lines)


POSITIVE = rule(
    "amount_positive",
    "expect_column_values_to_be_between",
    "quarantine",
    column="amount",
    min_value=0,
)
SHORT = rule("short", "expect_column_value_lengths_to_be_between", "fail", column="s", max_value=3)
SEEN = [
    f"step.preview(step.sql('select {name} as amount, id as s from bronze.people'))"
    for name in KINDS
]
SEEN += [
    "step.preview(people)",
    "step.profile(people)",
    "step.profile(people.select(amount=nw.col('i'), id=nw.col('f').cast(nw.Int64)))",
    "step.diff(people.select('id', 'seen', amount=nw.col('i')))",
    "step.preview(people.collect())",
    "step.preview(people.with_columns(amount=nw.col('s').str.to_uppercase()).select('amount'))",
    "print(people.collect())",
    "people.collect().to_native()",
    "people.collect().to_native().to_dicts()",
    "from IPython.display import HTML, JSON, display\ndisplay(HTML(people.collect()['s'][0]))",
    "display(JSON(people.collect().select('s').to_native().to_dicts()))",
    "import sys\nprint(people.collect()['s'].to_list(), people.collect()['t'], file=sys.stderr)",
    "import os\n_ = os.system(f\"echo {people.collect()['s'][0]}\")",
    "import warnings\nwarnings.warn(people.collect()['s'][0])",
    "%%sql\nselect s as amount, i as id from bronze.people",
    "%%sql taken\nselect s as amount, i as id from bronze.people",
    "step.preview(step.sql('select amount from taken', taken=taken))",
]
"""Cells that show something."""

FAILING = {
    "raised": ["raise ValueError(f'bad {value}')"],
    "from": ["try:\n    int(value)\nexcept ValueError as e:\n    raise KeyError(value) from e"],
    "ours": ["from lakebook.errors import UserError\nraise UserError(f'bad {value}', where=value)"],
    "left": ["import sys\nsys.exit(f'bad {value}')"],
    "group": ["raise ExceptionGroup(value, [ValueError(value)])"],
    "noted": ["e = ValueError('x')\ne.add_note(value)\nraise e"],
    "evaluated": ["eval(value)"],
    "polars": ["people.with_columns(amount=nw.col('s').cast(nw.Int64)).collect()"],
    "staged": ["step.write(people.select('id', 'seen', amount=nw.col('s').cast(nw.Int64)))"],
    "narrow": ["step.write(people.select('id', 'seen', amount=nw.col('i') * nw.col('i') * 99))"],
    "sql": ["step.sql('select id, cast(s as int) n from bronze.people').collect()"],
    "sql_write": [
        "step.write(step.sql('select id, seen, cast(s as bigint) amount from bronze.people'))"
    ],
    "overflow": ["step.sql('select i * i * i as n from bronze.people').collect()"],
    "duckdb": [
        "import duckdb\nrows = people.collect().to_arrow()\n"
        "duckdb.sql('select cast(s as int) from rows').fetchall()"
    ],
    "arrow": ["import pyarrow as pa\npa.array([value]).cast(pa.int64())"],
    "killed": ["print(value, flush=True)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"],
}
"""Cells that fail, with the value in what they raise."""

QUERIES = [
    "select * from bronze.people",
    "from bronze.people",
    "select s as amount, i as id from bronze.people",
    "select upper(s), min(i), max(t), sum(m), avg(f) from bronze.people group by all",
    "select string_agg(s), list(d), count(*) from bronze.people",
    "select case when s like 'zq%' then s else 'x' end c, ssn from bronze.people",
    "select p from bronze.people p",
    "with a as (select s k from bronze.people) select k || 'x' z from a",
    "select (select max(s) from bronze.people) q, unnest([s]) u from bronze.people",
    "select s.upper(), #5, columns('s|i') from bronze.people",
    "select #5 from bronze.people",
    "summarize bronze.people",
    "pivot bronze.people on s using sum(amount)",
    "unpivot (select s, ssn from bronze.people) on s, ssn into name n value v",
    "select cast(s as int) from bronze.people",
    "select i * i * i from bronze.people",
    "select error('bad ' || s) from bronze.people",
    "explain analyze select s from bronze.people where i > 5",
    "select * from read_parquet('.lake/prod/hot/bronze/people/**/*.parquet')",
    "select * from silver.people",
]
COMMANDS = [
    *(["query", sql, "--format", form] for sql in QUERIES for form in ("json", "csv", "table")),
    ["query", "select * from bronze.people", "--env", "ana"],
    ["quarantine", "show", "bronze.people"],
    ["quarantine", "show", "bronze.people", "--json"],
    ["diff", "silver.people", "--env", "ana", "--json"],
    ["diff", "silver.people", "--env", "ana"],
    ["runs", "--json"],
    ["runs"],
    ["plan", "--json", "--start", "2013-01-01", "--end", "2013-01-04"],
    ["plan", "--explain", "--start", "2013-01-01", "--end", "2013-01-04"],
    ["lineage", "silver.people", "--json"],
    ["graph", "--json"],
    ["check", "--json"],
    ["tier", "status", "--json"],
    ["tier", "plan"],
    ["tier", "verify"],
    ["env", "list"],
    ["report", "build"],
    ["report", "docs", "bronze.people"],
    ["report", "docs", "silver.orders"],
    ["datahub", "emit", "--all"],
]
LEFT_OUT = [
    r"^\.lake/[^/]+/(hot|warm|cold)/",  # the tables themselves, their logs and archives
    r"^\.lake/[^/]+/pins/.*\.snapshot$",  # a log as an environment reads it
    r"^sources/",
]


class Planted:
    """The checkout and what was printed in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.checkout, self.printed = root, Checkout(root), dict[str, str]()

    def step(self, name: str, cells: list[str], columns: str, **more: Any) -> None:
        head = f'{HEAD}step = Step("{name}", start=start, end=end)'
        given = 'start = "2013-01-01"\nend = "2013-01-02"\ns = ""'
        self.checkout.notebook(name, [head, *cells], parameters=given)
        self.checkout.contract(name, columns, **more)

    def run(self, *words: str) -> str:
        span = ("--start", "2013-01-01", "--end", "2013-01-02")
        done = self.checkout.lakebook("run", *words, *span)
        self.printed[f"run {' '.join(words)}"] = done.stdout + done.stderr
        return done.stdout + done.stderr

    def command(self, words: list[str]) -> str:
        result = CliRunner().invoke(app, words)
        text = result.output + str(result.exception or "")
        self.printed[" ".join(words)] = text
        return text


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    root = tmp_path_factory.mktemp("planted")
    made = Planted(root)
    (root / "lakebook.toml").write_text(f"[runtime]\nlinger_s = {LINGER}\n")
    (root / "sources").mkdir()
    (root / "sources/people.csv").write_text(PEOPLE)
    bad = PEOPLE.splitlines()[:2]
    (root / "sources/narrow.csv").write_text("\n".join(bad) + "\n")
    land = (
        'rows = step.ingest("file://sources/{}.csv", timestamp_format="%Y-%m-%dT%H:%M:%S%.fZ")\n'
        "rows = rows.to_native()\n"
        'step.write(rows.with_columns(pl.col("m").cast(pl.Decimal(18, 4))))'
    )
    made.step(
        "bronze.people",
        [land.format("people"), "step.preview(rows)", "step.diff()"],
        OPEN_TIME + restricted() + LANDING,
        quality=POSITIVE,
    )
    narrow = restricted().replace("physicalType: 'int64'", "physicalType: 'int32'")
    made.step("bronze.narrow", [land.format("narrow")], OPEN_TIME + narrow + LANDING)
    made.step(
        "silver.people",
        [READ, *SEEN, "step.write(people.select('id', 'seen', 'amount', 's', 'i'))", "step.diff()"],
        OPEN_TIME + restricted()[: restricted().index("      - {name: f")],
        quality=POSITIVE,
    )
    made.step(
        "silver.strict",
        [READ, "step.write(people.select('id', 'seen', 'amount', 's'))"],
        OPEN_TIME + restricted().splitlines(keepends=True)[0],
        quality=SHORT,
    )
    made.step("silver.orders", [ORDERS], OPEN_TIME + WHO)
    for name, cells in FAILING.items():
        made.step(f"silver.{name}", [READ, FIRST, *cells, WRITE], OPEN_TIME)
    made.run("bronze.people", "silver.people", "-p", f"s={SECRETS['parameter']}")
    failing = chosen(list(FAILING), 5, "failing cells")
    rest = ("bronze.narrow", "silver.orders", "silver.strict")
    made.run(*rest, *(f"silver.{name}" for name in failing))
    path = root / "notebooks/silver/people.ipynb"
    path.write_text(
        path.read_text().replace(
            "'amount', 's', 'i')",
            "'amount', 'i', s=nw.concat_str(nw.lit('zq-ana'), nw.lit('@secret.example')))",
        )
    )
    made.checkout.environment("ana")
    made.run("silver.people", "--env", "ana")
    return made


@pytest.fixture(autouse=True)
def here(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(planted.root)
    for name in ("LAKEBOOK_ROOT", "LAKEBOOK_LAKE", "LAKEBOOK_ENV"):
        monkeypatch.delenv(name, raising=False)


def test_the_values_are_there_for_who_may_see_them(planted: Planted) -> None:
    words = ["query", "select * from bronze.people", "--format", "json", "--unmask"]
    shown = found_in(CliRunner().invoke(app, words).output, SECRETS)
    aside = {"quarantined", "gained, set aside", "parameter", "in the environment"}
    assert shown == {*SECRETS} - aside


def test_no_run_prints_a_hidden_value(planted: Planted) -> None:
    assert {
        run: hit for run, text in planted.printed.items() if (hit := found_in(text, SECRETS))
    } == {}
    assert any("failed  bronze.narrow" in text for text in planted.printed.values())


@pytest.mark.parametrize(
    "words",
    chosen(COMMANDS, 24, "commands"),
    ids=lambda words: re.sub(r"\W+", "-", "-".join(words)),
)
def test_no_command_prints_a_hidden_value(planted: Planted, words: list[str]) -> None:
    text = planted.command(words)
    assert text.strip(), "it says something"
    assert found_in(text, SECRETS) == set()


def test_no_file_that_a_reader_has_holds_a_hidden_value(planted: Planted) -> None:
    run = next((planted.root / ".lake/prod/runs").glob("*/*silver.people*")).name
    for words in (
        ["report", "build"],
        ["report", "docs", "silver.orders"],
        ["report", "export", run, "--to", "export"],
        ["datahub", "emit", "--all"],
    ):
        planted.command(words)
    assert (planted.root / ".lake").is_dir()
    assert found_below(planted.root, SECRETS, leave_out=LEFT_OUT) == {}
