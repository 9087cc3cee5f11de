"""A CSV lands in the contract's types; what has changed in it is taken up or refused."""

from __future__ import annotations

import gzip
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.errors import SourceError
from lakebook.ingest import csvshape, open_source
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
        nulls=("NA",),
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


def test_what_is_said_of_a_column_that_neither_source_nor_notebook_has(settings, contract):
    lost = replace(contract, columns=(replace(COLUMNS[0], line=17), *COLUMNS[1:]))
    landing = land(settings, lost, "idd,seen,note\n1,NA,x\n")
    said = str(landing.absent["id"])
    assert "events.contract.yaml:17" in said and "has no column 'id'" in said
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


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("1\n2,NA,x\n", "line 2: 1 field, and the header has 3"),
        ('2,NA,"x, of\n two ""lines"""\n3,NA\n', "line 4: 2 fields, and the header has 3"),
        ("2,NA,x\n3,20", "line 3: 2 fields, and the header has 3"),
        ("2,NA,x\n\n3,NA,y\n", "line 3: the line is blank"),
        ("2,NA,x,\n", "line 2: 4 fields, and the header has 3"),
    ],
)
def test_a_line_without_all_its_fields_does_not_land(settings, contract, lines, said):
    with pytest.raises(SourceError) as raised:
        land(settings, contract, "id,seen,note\n" + lines)
    assert f"source file://events.csv, {said}" in str(raised.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_what_counts_as_a_line_with_all_fields(settings, contract, end, last):
    lines = ["id,seen,note", '1,NA,"a, b"', '2,NA,"two\nlines, ""quoted"""', "3,,"]
    text = end.join(lines) + (end if last else "")
    rows = land(settings, contract, text).frame.sort("id").collect()
    assert rows["note"].to_list() == ["a, b", 'two\nlines, "quoted"', None]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 1 << 20])
def test_lines_are_counted_alike_however_the_file_is_cut(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(csvshape, "_CHUNK_BYTES", chunk_bytes)
    file = tmp_path / "a.csv"
    for text, whole in (
        ('a,b\n"x, ""y""\n,",2\n3,4', True),
        ('a,b\n"x, ""y""\n,"\n3,4\n', False),
        ('a,b\n1,"2\n', False),
    ):
        file.write_text(text)
        assert csvshape.shape_of(file, 2).is_whole is whole


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'id,seen,note\n1,NA,x\n2,NA,3" long\n3,NA,x\n', "line 3: a text has a quote inside"),
        (b"id,seen,note\r1,NA,x\r", "line 1: lines end with a carriage return alone"),
        (gzip.compress(ROWS.encode()), "is no CSV but gzip"),
    ],
)
def test_a_file_that_is_no_plain_csv_says_why(settings, contract, content, said):
    (settings.root / "events.csv").write_bytes(content)
    landing = None
    with pytest.raises(Exception) as raised:
        landing = open_source("file://events.csv", settings).land(contract, None, {})
        landing.frame.collect()
    fault = landing.fault(raised.value) if landing else raised.value
    assert isinstance(fault, SourceError) and said in str(fault)


def test_a_byte_order_mark_is_no_part_of_a_name(settings, contract):
    landing = land(settings, contract, "\ufeffid,seen,note\n1,NA,x\n")
    assert landing.new_columns == () and landing.frame.collect()["id"].to_list() == [1]
