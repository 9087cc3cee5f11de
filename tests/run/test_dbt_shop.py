"""A project with each construct of dbt's public example projects: a step makes of it what dbt alone
makes, and runs the tests that dbt alone runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from small_checkout import LANDING, Checkout
from small_dbt import REPO

from lakebook.run.query import run_query
from lakebook.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHOP = REPO / "tests" / "dbt_shop"
SOURCES = {
    "raw_orders": (
        "id varchar, customer varchar, store_id varchar, ordered_at timestamp, subtotal bigint, "
        "tax_paid bigint, order_total bigint, status_code varchar",
        "o1,c1,s1,2016-09-01T15:01:00Z,1000,90,1090,7\no2,c1,s1,2016-09-02T09:00:00Z,1500,135,1635,9\n"
        "o3,c2,s2,2016-09-02T10:00:00Z,600,54,654,\no4,c1,s2,2016-10-01T10:00:00Z,500,45,545,8\n",
    ),
    "raw_items": (
        "id varchar, order_id varchar, sku varchar",
        "i1,o1,j1\ni2,o1,b1\ni3,o2,j1\ni4,o2,j2\ni5,o3,b1\ni6,o4,b1\n",
    ),
    "raw_stores": (
        "id varchar, name varchar, opened_at timestamp, tax_rate double",
        "s1,Philadelphia,2016-09-01T06:30:00Z,0.06\ns2,Brooklyn,2017-03-12T00:00:00Z,0.04\n",
    ),
    "raw_products": (
        "sku varchar, name varchar, type varchar, price bigint",
        "j1,nutellaphone,jaffle,1100\nj2,doctor stew,jaffle,1100\nb1,tangaroo,beverage,600\n"
        "x1,cup,,1\n",
    ),
    "raw_supplies": (
        "id varchar, name varchar, cost bigint, perishable boolean, sku varchar",
        "u1,cutlery,7,false,j1\nu2,bread,33,true,j1\nu2,bread,33,true,j2\nu3,straw,2,false,b1\n",
    ),
}
PROFILE = "shop: {{target: local, outputs: {{local: {{type: duckdb, schema: gold, {0}}}}}}}\n"
PLUGIN = "path: ':memory:', plugins: [{module: lakebook.step.dbt_plugin, alias: lakebook}]"
OURS = {"hugeint": "bigint", "float": "float32"}
"""Sums of integers are of 128 bits in DuckDB; `float` is not clear in a contract."""
MODELS = sorted(path.stem for path in (SHOP / "models").rglob("*.sql"))


@dataclass
class Built:
    """The tables of dbt alone and its tests, and a checkout where a step made the same."""

    checkout: Checkout
    database: Path
    tests: set[str]
    types: dict[str, dict[str, str]] = field(default_factory=dict)


def named(columns: str) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in columns.split(", "))  # type: ignore[misc]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("shop")
    alone = root / "alone"
    shutil.copytree(SHOP, alone)
    shutil.copytree(REPO / "tests" / "dbt_utils", alone / "dbt_packages" / "dbt_utils")
    checkout = Checkout(root / "ours")
    shutil.copytree(alone, checkout.root / "dbt")
    made = by_dbt(alone, checkout)
    (checkout.root / "lakebook.toml").write_text("[runtime]\nlinger_s = 20\n")
    (checkout.root / "dbt/profiles.yml").write_text(PROFILE.format(PLUGIN))
    shutil.copy(REPO / "dbt/macros/lakebook.sql", checkout.root / "dbt/macros")
    for name, (columns, _) in SOURCES.items():
        written = "".join(property_of(*one) for one in named(columns).items()) + LANDING
        checkout.contract(f"bronze.{name}", written, time=False)
        path = checkout.root / f"notebooks/bronze/{name}.contract.yaml"
        path.write_text(without_key(path.read_text()))
        checkout.notebook(
            f"bronze.{name}",
            [
                f'from lakebook import Step\nstep = Step("bronze.{name}")',
                f'step.write(step.ingest("file://{name}.csv"))',
            ],
            time=False,
        )
    put_gold(made)
    checked = checkout.lakebook("check")
    assert checked.returncode == 0, checked.stdout
    done = checkout.lakebook("run", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def by_dbt(project: Path, checkout: Checkout) -> Built:
    """Build it by dbt alone, in a database of its own beside it."""
    database = project.parent / "alone.duckdb"
    (project / "profiles.yml").write_text(PROFILE.format(f"path: '{database}'"))
    with duckdb.connect(str(database)) as con:
        con.execute("set timezone = 'UTC'")
        con.execute("create schema bronze")
        for name, (columns, rows) in SOURCES.items():
            path = checkout.root / f"{name}.csv"
            path.write_text(",".join(named(columns)) + "\n" + rows)
            con.execute(f"create table bronze.{name} ({columns})")
            con.execute(f"insert into bronze.{name} from read_csv('{path}', header = true)")
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", "build"],
        cwd=project,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    results = json.loads((project / "target/run_results.json").read_text())["results"]
    ids = [r["unique_id"].split(".") for r in results]
    tests = {name[2] for name in ids if name[0] == "test"}
    made = Built(checkout, database, tests)
    with duckdb.connect(str(database), read_only=True) as con:
        found = con.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'gold' order by column_index"
        ).fetchall()
    for table, column, kind in found:
        made.types.setdefault(table, {})[column] = kind.lower()
    assert sorted(made.types) == MODELS
    return made


def without_key(contract: str) -> str:
    return re.sub(r" +- \{name: id, logicalType: integer.*primaryKey: true\}\n", "", contract)


def property_of(name: str, kind: str) -> str:
    logical = {"varchar": "string", "bigint": "integer", "integer": "integer"}.get(kind, kind)
    if kind.startswith(("decimal", "double", "float")):
        logical = "number"
    return f"      - {{name: {name}, logicalType: {logical}, physicalType: {kind!r}}}\n"


def put_gold(made: Built) -> None:
    """One notebook for all models, with a table of its contract for each."""
    texts = []
    for model, columns in made.types.items():
        kinds = {name: OURS.get(kind, kind) for name, kind in columns.items()}
        written = "".join(property_of(*one) for one in kinds.items())
        path = made.checkout.contract(f"gold.{model}", written, time=False)
        texts.append(without_key(path.read_text()))
        path.unlink()
    head, _, _ = texts[0].partition("schema:\n")
    head = head.replace("gold." + next(iter(made.types)), "gold.mrr")
    bodies = "".join(text.partition("schema:\n")[2] for text in texts)
    (made.checkout.root / "notebooks/gold/mrr.contract.yaml").write_text(f"{head}schema:\n{bodies}")
    cells = ['from lakebook import Step\nstep = Step("gold.mrr")', 'step.dbt("staging marts")']
    made.checkout.notebook("gold.mrr", cells, time=False)


@pytest.mark.parametrize("model", MODELS)
def test_a_table_is_what_dbt_alone_makes(built: Built, model: str) -> None:
    sql = f"select {', '.join(built.types[model])} from gold.{model} order by all"
    with duckdb.connect(str(built.database), read_only=True) as con:
        wanted = con.execute(sql).fetchall()
    assert run_query(load_settings(built.checkout.root, environ={}), sql).fetchall() == wanted != []


def test_the_tests_are_those_of_dbt_alone(built: Built) -> None:
    (record,) = built.checkout.root.glob(".lake/prod/runs/*/*-gold.mrr-*/record.json")
    checks = json.loads(record.read_text())["checks"]
    named = {check["name"] for check in checks if check["expectation"].startswith("dbt_")}
    assert named == built.tests and len(built.tests) > 30
