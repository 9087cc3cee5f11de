"""`check` says what plan, query and run refuse of a table, and looks at no log twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from changed_lake import ALL, SILVER, ChangedLake, first_rows
from small_checkout import Checkout
from small_lake import SmallLake

from lakebook.graph import load_graph
from lakebook.lineage import Finding, agreed, table_findings
from lakebook.run.migrate import plan_migration
from lakebook.run.migrating import apply_migration
from lakebook.step import view

UNIT = ("partitionUnit, value: day", "partitionUnit, value: month")


def found(lake: ChangedLake) -> tuple[Finding, ...]:
    return table_findings(lake.settings, [load_graph(lake.settings).steps[SILVER]])


@pytest.fixture
def lake(tmp_path: Path) -> ChangedLake:
    return ChangedLake.made(tmp_path, "replace")


def ran(lake: ChangedLake) -> ChangedLake:
    lake.source(first_rows())
    lake.run(ALL)
    return lake


def test_where_there_is_no_table_nothing_is_looked_at_or_left(
    lake: ChangedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "look_at", None)
    assert found(lake) == ()
    assert not (lake.settings.state / "agreed").exists()


def test_what_was_found_stands_until_the_table_or_the_contract_moves(
    lake: ChangedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(lake)
    back = lake.change([UNIT])
    (said,) = found(lake)
    assert (said.is_error, said.notebook) == (True, "notebooks/silver/events.contract.yaml")
    with monkeypatch.context() as patch:
        patch.setattr(view, "look_at", None)
        assert found(lake) == (said,)
    with monkeypatch.context() as patch:
        patch.setattr(agreed, "own_code", lambda _: "another Lakebook")
        patch.setattr(view, "look_at", None)
        with pytest.raises(TypeError):  # it looks itself
            found(lake)
    back()
    assert found(lake) == ()
    lake.run()  # commits nothing that is new, or something: the log is what counts
    back = lake.change([("integer, physicalType: int64}", "integer, physicalType: int32}")])
    (said,) = found(lake)
    assert "'amount' of silver.events is int64 in the table and int32" in said.message
    assert said.notebook.startswith("notebooks/silver/events.contract.yaml:")
    back()
    lake.change([UNIT])
    assert len(found(lake)) == 1
    apply_migration(plan_migration(lake.settings, SILVER), "m")
    assert found(lake) == ()


def test_an_environment_is_asked_for_what_it_reads(lake: ChangedLake) -> None:
    ran(lake)
    lake.env = "ana"
    assert found(lake) == ()
    assert not (lake.settings.lake / "ana" / "pins").exists(), "a check pins nothing"
    lake.query()  # pins
    lake.env = "prod"
    lake.change([UNIT])
    apply_migration(plan_migration(lake.settings, SILVER), "m")
    assert found(lake) == ()
    lake.env = "ana"
    (said,) = found(lake)
    assert said.fix == "lakebook env refresh ana silver.events"


def test_a_table_that_cannot_be_read_is_a_note_and_not_remembered(lake: ChangedLake) -> None:
    ran(lake)
    log = lake.settings.lake / "prod/hot/silver/events/_delta_log"
    (last := max(log.glob("*.json"))).write_text("{")
    (said,) = found(lake)
    assert not said.is_error
    last.unlink()
    assert found(lake) == ()


def test_what_is_remembered_needs_no_heavy_module(lake: ChangedLake) -> None:
    ran(lake)
    lake.change([UNIT])
    assert len(table_findings(lake.settings, load_graph(lake.settings).order())) == 1
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from lakebook.settings import load_settings\nfrom lakebook.graph import load_graph\n"
        "from lakebook.lineage import table_findings\n"
        f"settings = load_settings(Path({str(lake.root)!r}), environ={{}})\n"
        "print(len(table_findings(settings, load_graph(settings).order())))\n"
        "print(sorted({'pyarrow', 'polars', 'duckdb', 'deltalake'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["1", "[]"], done.stderr


def test_the_command_ends_with_2_and_says_it_as_plan_does(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEBOOK_ROOT", str(checkout.root))
    SmallLake(checkout.root).write([(1, "2013-01-01", 1)], "2013-01-01", "2013-01-04")
    path = checkout.root / "notebooks/silver/events.contract.yaml"
    assert checkout.lakebook("check", "silver.events").returncode == 0
    path.write_text(path.read_text().replace(*UNIT))
    done = checkout.lakebook("check", "silver.events")
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("error")]
    days = ("--start", "2013-01-01", "--end", "2013-01-04")
    said = checkout.lakebook("plan", "silver.events", *days).stderr
    where, _, rest = said.removeprefix("error ").strip().partition(": ")
    for words in (where, *rest.split("; ")):
        assert words in line
