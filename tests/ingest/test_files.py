"""A CSV lands in the contract's types; what has changed in it is taken up or refused."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.errors import SourceError
from lakebook.ingest import open_source
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.settings import Settings

COLUMNS = (
    Column("id", "int64", nullable=False, key_position=1),
    Column("seen", "timestamp"),
    Column("note", "string"),
    Column("_source", "string"),
    Column("_source_digest", "string"),
    Column("_source_modified", "timestamp"),
)
ROWS = """id,seen,note
1,2013-01-01T04:59:59Z,still December in New York
2,2013-01-01T05:00:00Z,first second of January
3,2013-02-01T04:59:59Z,last second of January
4,2013-02-01T05:00:00Z,February
5,NA,nobody knows when
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path, lake=tmp_path / "lake")


@pytest.fixture
def contract(tmp_path: Path) -> TableContract:
    return TableContract(
        dataset=Dataset("bronze", "events"),
        path=tmp_path / "events.contract.yaml",
        version="1",
        description="",
        columns=COLUMNS,
        write="replace",
        time=TimeColumn("seen", "America/New_York", "month"),
    )


def land(settings, contract, text=ROWS, interval=None):
    (settings.root / "events.csv").write_text(text)
    return open_source("file://events.csv", settings).land(contract, interval, {})


def test_an_interval_is_cut_at_midnight_of_the_contracts_zone(settings, contract):
    january = Interval.parse("2013-01-01", "2013-02-01")
    rows = land(settings, contract, interval=january).frame.collect()
    # Row 5 has no time: it must not be lost.
    assert rows["id"].to_list() == [2, 3, 5]


def test_landing_columns_come_from_the_source_not_the_clock(settings, contract):
    first = land(settings, contract).frame.collect()
    os.utime(settings.root / "events.csv", (1_000_000_000, 1_000_000_000))
    again = open_source("file://events.csv", settings).land(contract, None, {}).frame.collect()
    assert first["_source_digest"].to_list() == again["_source_digest"].to_list()
    assert str(again["_source_modified"][0]) == "2001-09-09 01:46:40"
    assert set(again["_source"].to_list()) == {"file://events.csv"}


@pytest.mark.parametrize("how", ["written again", "put in its place"])
def test_another_file_of_the_same_size_and_time_is_another_version(settings, how):
    path = settings.root / "events.csv"
    path.write_text("id\n1\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = open_source("file://events.csv", settings).version()
    new = path if how == "written again" else settings.root / "new.csv"
    new.write_text("id\n2\n")
    os.utime(new, (1_000_000_000, 1_000_000_000))
    new.replace(path)
    after = open_source("file://events.csv", settings).version()
    assert after.modified == before.modified
    assert after.digest != before.digest


def test_a_zip_gives_the_same_rows_as_its_member(settings, contract):
    plain = land(settings, contract).frame.collect()
    with zipfile.ZipFile(settings.root / "events.zip", "w") as archive:
        archive.writestr("events.csv", ROWS)
    zipped = open_source("file://events.zip", settings).land(contract, None, {}).frame.collect()
    assert zipped.select("id", "seen", "note").rows() == plain.select("id", "seen", "note").rows()


def test_a_new_column_is_taken_up_as_string(settings, contract):
    landing = land(settings, contract, "id,seen,note,extra\n1,NA,x,y\n")
    assert landing.new_columns == ("extra",)
    assert landing.frame.collect()["extra"].to_list() == ["y"]


def test_a_lost_column_is_refused_with_its_place(settings, contract):
    lost = replace(contract, columns=(replace(COLUMNS[0], line=17), *COLUMNS[1:]))
    with pytest.raises(SourceError) as raised:
        land(settings, lost, "idd,seen,note\n1,NA,x\n")
    said = str(raised.value)
    assert "events.contract.yaml:17" in said and "lost the column 'id'" in said
    assert "did you mean 'idd'?" in said


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("file://nowhere.csv", "is missing"),
        ("package://no-such-thing/a.csv", "is not installed"),
        ("flie://events.csv", "did you mean 'file'?"),
        ("events.csv", "no known scheme"),
    ],
)
def test_a_source_that_is_not_there_is_one_sentence(settings, contract, uri, said):
    with pytest.raises(SourceError) as raised:
        open_source(uri, settings).land(contract, None, {})
    assert said in str(raised.value)


def test_an_unknown_option_is_refused(settings, contract):
    (settings.root / "events.csv").write_text(ROWS)
    with pytest.raises(SourceError, match="null_values"):
        open_source("file://events.csv", settings).land(contract, None, {"null_value": "x"})


@pytest.mark.parametrize("text", ["1\n2,NA,x\n", "2,NA,x\n1\n"])
def test_a_line_that_ends_early_is_null_from_there(settings, contract, text):
    rows = land(settings, contract, "id,seen,note\n" + text).frame.sort("id").collect()
    assert rows["note"].to_list() == [None, "x"]


def test_a_byte_order_mark_is_no_part_of_a_name(settings, contract):
    landing = land(settings, contract, "\ufeffid,seen,note\n1,NA,x\n")
    assert landing.new_columns == () and landing.frame.collect()["id"].to_list() == [1]
