"""What an environment made is compared with prod: only what it wrote, only what differs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from small_lake import SmallLake
from typer.testing import CliRunner

from lakebook.cli.main import app
from lakebook.errors import UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.run.environment_diff import DatasetDiff, SchemaChange, diff_environment
from lakebook.settings import load_settings

EVENTS = Dataset.parse("silver.events")
D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Three days in prod, two of them written again in ana: one the same, one with differences."""
    lake = SmallLake(tmp_path)
    lake.contract("replace")
    lake.write([(1, D1, 10), (2, D2, 20), (3, D2, 30), (4, D3, 40)], D1, "2013-01-04")
    lake.env = "ana"
    lake.write([(1, D1, 10), (3, D2, 31), (5, D2, 50)], D1, D3)
    return lake


def diff(lake: SmallLake, **options: object) -> DatasetDiff:
    settings = load_settings(lake.root, env=lake.env, environ={})
    return diff_environment(settings, EVENTS, **options)  # type: ignore[arg-type]


def in_prod(lake: SmallLake) -> None:
    replace(lake, env="prod").write([(3, D2, 31), (9, D2, 90)], D2, D3)


def test_rows_are_compared_by_key_where_the_environment_wrote_others(lake: SmallLake):
    found = diff(lake)
    assert (found.written, found.differing) == ((D1, D2), (D2,))
    assert (found.prod_version, found.newest, found.schema) == (1, 1, ())
    rows = found.rows
    assert (rows.added, rows.removed, rows.changed, rows.same) == (1, 1, 1, 0)
    assert (rows.key, rows.changed_columns) == (("id",), {"amount": 1})
    assert [(e.kind, e.key["id"]) for e in rows.examples] == [
        ("removed", 2),
        ("added", 5),
        ("changed", 3),
    ]
    assert (rows.examples[2].before, rows.examples[2].after) == ({"amount": 30}, {"amount": 31})


def test_it_is_compared_with_the_pinned_version_and_on_request_with_the_newest(lake: SmallLake):
    in_prod(lake)
    found = diff(lake)
    assert (found.prod_version, found.newest, found.rows.changed) == (1, 2, 1)
    found = diff(lake, latest=True)
    assert (found.prod_version, found.newest) == (2, 2)
    assert [(e.kind, e.key["id"]) for e in found.rows.examples] == [("removed", 9), ("added", 5)]


def test_an_interval_narrows_it(lake: SmallLake):
    found = diff(lake, interval=Interval.parse(D1, D2))
    assert (found.written, found.differing, found.is_equal) == ((D1,), (), True)
    with pytest.raises(UserError, match=r"has written nothing of .2013-01-03"):
        diff(lake, interval=Interval.parse(D3, "2013-01-04"))


def test_another_schema_is_shown(lake: SmallLake):
    lake.env = "bob"
    more = "      - {name: note, logicalType: string, physicalType: string}\n"
    lake.contract("replace", columns=more)
    step = lake.open(D1, D2)
    import polars as pl
    from small_lake import rows

    step.write(rows((1, D1, 10)).with_columns(note=pl.lit("x")))
    found = diff(lake)
    assert found.schema == (SchemaChange("note", "", "string"),)
    assert (found.rows.same, found.is_equal) == (1, False)


def test_classified_values_are_hidden(lake: SmallLake):
    path = lake.root / "notebooks/silver/events.contract.yaml"
    text = path.read_text()
    path.write_text(re.sub(r"(name: amount, .*int64)", r"\1, classification: restricted", text))
    found = diff(lake)
    assert found.masked == ("amount",)
    assert {e.key["id"]: e.after for e in found.rows.examples}[3] == {"amount": "•••"}
    assert "31" not in json.dumps(found.to_json(), default=str)
    assert diff(lake, unmask=True).rows.examples[2].after == {"amount": 31}


def test_what_cannot_be_compared_is_refused(lake: SmallLake):
    lake.env = "prod"
    with pytest.raises(UserError, match="prod cannot be compared with itself; name an env"):
        diff(lake)
    lake.env = "eve"
    with pytest.raises(UserError, match="'eve' has written nothing of silver"):
        diff(lake)


def test_a_dataset_that_prod_has_not_is_all_new(tmp_path: Path):
    lake = SmallLake(tmp_path, env="ana")
    lake.contract("replace")
    lake.write([(1, D1, 10)], D1, D2)
    found = diff(lake)
    assert (found.prod_version, found.rows.added, found.rows.removed) == (-1, 1, 0)


def test_it_is_printed_for_people_and_for_machines(
    lake: SmallLake, monkeypatch: pytest.MonkeyPatch
):
    in_prod(lake)
    monkeypatch.chdir(lake.root)
    monkeypatch.setenv("COLUMNS", "120")
    done = CliRunner().invoke(app, ["diff", "silver.events", "--env", "ana"])
    assert done.exit_code == 0, done.output
    for words in (
        "silver.events: ana, version 1, against prod, version 1",
        "prod is at version 2 by now; --latest compares with that",
        "2 partitions written, 1 with other rows: 2013-01-02",
        "rows by id: 1 added, 1 removed, 1 changed, 0 the same; 2 -> 2",
        "changed in: amount (1)",
    ):
        assert words in done.output
    assert re.search(r"changed\s+3\s+amount\s+30\s+31", done.output)
    monkeypatch.setenv("LAKEBOOK_ENV", "ana")
    done = CliRunner().invoke(app, ["diff", "silver.events", "--json"])
    found = json.loads(done.output)
    assert (found["env"], found["rows"]["changed_columns"]) == ("ana", {"amount": 1})
