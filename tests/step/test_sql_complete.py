"""At the cursor stand the datasets, frames and columns that the half-written SQL can mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.settings import load_settings
from lakebook.step.known import KnownTables
from lakebook.step.sql_complete import complete

TABLES = {
    "bronze.flights": {"tailnum": "string", "carrier": "string", "time": "timestamp"},
    "bronze.planes": {"tailnum": "string", "seats": "int64"},
    "silver.flights": {"origin": "string"},
}
FRAMES = {"clean": {"delay": "Int64"}}


def at(cell: str) -> list[str] | None:
    """Words for the place of the mark | in a cell."""
    before, _, after = cell.partition("|")
    found = complete(before, after, TABLES, FRAMES)
    if found is None:
        return None
    assert before.endswith(found.fragment)
    return sorted(found.words)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('step.read("|', ["bronze.flights", "bronze.planes", "silver.flights"]),
        ("x = step.read('bronze.f|", ["bronze.flights"]),
        ('step.sql("select * from |', [*sorted(TABLES)[:2], "clean", "silver.flights"]),
        ('step.sql("select * from cl|', ["clean"]),
        ('step.sql("""\nselect *\nfrom bronze.flights f\nleft join bronze.p|', ["bronze.planes"]),
        ("%%sql x\nfrom bronze.flights, si|", ["silver.flights"]),
        ("%%sql x\nwith late as (select 1) select * from la|", ["late"]),
    ],
)
def test_a_table_stands_after_from_and_join(cell: str, words: list[str]) -> None:
    assert at(cell) == words


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%sql\nselect f.| from bronze.flights f", ["carrier", "tailnum", "time"]),
        ("%%sql\nselect F.ta| from bronze.flights as f", ["tailnum"]),
        ("%%sql\nselect se| from bronze.flights f join bronze.planes p using (tailnum)", ["seats"]),
        ("%%sql\nselect se| from bronze.flights join bronze.planes using (tailnum)", ["seats"]),
        ("%%sql\nfrom bronze.planes where planes.s|", ["seats"]),
        ("%%sql\nfrom bronze.planes p join bronze.flights f on p.tailnum = f.t|",
         ["tailnum", "time"]),
        ('step.sql("from clean where d|", clean=clean)', ["delay"]),
        ("step.sql('from bronze.flights f where |')", ["carrier", "f", "tailnum", "time"]),
        ("%%sql\n-- from silver.flights\nfrom bronze.planes where o|", []),
    ],
)  # fmt: skip
def test_columns_are_those_of_the_tables_that_are_read(cell: str, words: list[str]) -> None:
    assert at(cell) == words


@pytest.mark.parametrize(
    "cell",
    [
        "|",
        "step.re|",
        "x.filter(nw.col('d|",
        "step.read('bronze.flights').sel|",
        'step.sql("from bronze.flights").filter(x|',
        "%%sql cl|",
        "%%sql\nfrom bronze.flights where carrier = 'A|",
        "%%sql\nfrom bronze.flights -- t|",
        "%%sql\nselect |",
    ],
)
def test_elsewhere_nothing_is_offered(cell: str) -> None:
    assert at(cell) is None


def test_a_variable_that_is_no_step_is_left_alone() -> None:
    def words(before: str) -> bool:
        return complete(before, "", TABLES, FRAMES, lambda name: name == "file") is not None

    assert not words('file.read("') and not words('file.sql("from ')
    assert words('step.read("') and words('Step("silver.x").read("') and words('step.sql("from ')


def test_tables_are_those_of_the_contracts_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "lakebook.toml").touch()
    checkout = Checkout(tmp_path)
    path = checkout.contract("bronze.events", COLUMNS)
    known = KnownTables(load_settings(tmp_path, environ={}))
    first = {"id": "int64", "seen": "timestamp", "amount": "int64"}
    assert known.tables() == {"bronze.events": first}

    path.write_text(path.read_text().replace("name: amount", "name: sum"))
    assert list(known.tables()["bronze.events"]) == ["id", "seen", "sum"]

    good = path.read_text()
    path.write_text("schema: [")  # while somebody writes it
    assert list(known.tables()["bronze.events"]) == ["id", "seen", "sum"]
    path.write_text(good)
    checkout.contract("silver.events", COLUMNS)
    assert list(known.tables()) == ["bronze.events", "silver.events"]


def test_a_contract_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lakebook.toml").touch()
    path = Checkout(tmp_path).contract("bronze.events", COLUMNS)
    known = KnownTables(load_settings(tmp_path, environ={}))
    found = known.tables()

    monkeypatch.setattr("lakebook.step.known.load_contract", None)
    assert known.tables() == found
    os.utime(path)
    with pytest.raises(TypeError):
        known.tables()
