"""A source that cannot be read is one sentence: its URI, line, what was found, what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from small_checkout import COLUMNS, LANDING, Checkout, in_prod

from lakebook import Step
from lakebook.errors import SourceError

MORE = """\
      - {name: born, logicalType: date, physicalType: date, classification: restricted}
      - {name: paid, logicalType: boolean, physicalType: boolean}
      - {name: size, logicalType: integer, physicalType: int32}
      - {name: ratio, logicalType: number, physicalType: float64}
"""
HEADER = "id,seen,amount,born,paid,size,ratio"
GOOD = "1,2013-01-01T10:00:00Z,10,2000-01-01,true,1,0.5"
CASES = {
    "2,2013-01-01T10:00:00Z,ten,2000-01-01,true,1,0.5": (
        "column 'amount' has 'ten', which is no int64; correct the source, or name it in "
    ),
    "2,2013-01-01 10:00,10,2000-01-01,true,1,0.5": (
        "column 'seen' has '2013-01-01 10:00', which is no timestamp of the form %Y-%m-%dT"
    ),
    "2,2013-01-01T10:00:00Z,10,01.02.2000,true,1,0.5": (
        "column 'born' has a (restricted) value, which is no date of the form YYYY-MM-DD"
    ),
    "2,2013-01-01T10:00:00Z,10,2000-01-01,yes,1,0.5": (
        "column 'paid' has 'yes', which is no boolean (true, false"
    ),
    "2,2013-01-01T10:00:00Z,10,2000-01-01,true,99999999999,0.5": (
        "column 'size' has '99999999999', which is no int32"
    ),
    "2,13-01-01T10:00:00Z,10,2000-01-01,true,1,0.5": "column 'seen' has '13-01-01T10:00:00Z', w",
    "2,2013-01-01T10:00:00Z, 10,2000-01-01,true,1,0.5": (
        "column 'amount' has ' 10', which is no int64: it has spaces around it"
    ),
    "2,2013-01-01T10:00:00Z,1.0,2000-01-01,true,1,0.5": "column 'amount' has '1.0', which is no i",
    "2,2013-01-01T10:00:00Z,10,2000-01-01,true,1,1e400": (
        "column 'ratio' has '1e400', which a float64 cannot hold exactly"
    ),
    '2,2013-01-01T10:00:00Z,10,2000-01-01,true,1,"0,5"': "column 'ratio' has '0,5', which is no f",
    "2,2013-01-01T10:00:00Z,10,2000-01-01,true,1,0.5,9": "8 fields, and the header has 7",
    '2,2013-01-01T10:00:00Z,10,2000-01-01,true,1,"0.5': "a quote is not closed",
    "2,2013-01-01T10:00:00Z,10,2000-01-01,true,1,\xe9": "the byte 0xe9 is not UTF-8",
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = in_prod(tmp_path, monkeypatch)
    made.contract("bronze.events", COLUMNS + MORE + LANDING)
    return made


def land(name: str = "events.csv", **options):
    step = Step("bronze.events", start="2013-01-01", end="2013-01-02")
    step.write(step.ingest(f"file://{name}", **options))


def said(name: str = "events.csv") -> str:
    with pytest.raises(SourceError) as raised:
        land(name)
    assert "\n" not in str(raised.value) and raised.value.exit_code == 2
    return str(raised.value)


@pytest.mark.parametrize("row", CASES)
def test_a_line_that_cannot_be_read_is_named(checkout: Checkout, row: str):
    text = f'{HEADER}\n{GOOD}\n"1",2013-01-01T11:00:00Z,,,,,\n{row}\n{GOOD}\n'
    (checkout.root / "events.csv").write_bytes(text.encode("latin-1"))
    sentence = said()
    assert sentence.startswith("source file://events.csv, line 4: ")
    assert CASES[row] in sentence
    assert "01.02.2000" not in sentence


def test_a_value_can_be_named_as_null(checkout: Checkout):
    checkout.source(f"{HEADER}\n{GOOD.replace('10,2000', 'ten,2000')}\n")
    land(null_values=["", "ten"])


def test_a_fault_of_the_notebook_is_not_blamed_on_the_source(checkout: Checkout):
    import narwhals as nw

    checkout.source(f"{HEADER}\n{GOOD}\n")
    step = Step("bronze.events", start="2013-01-01", end="2013-01-02")
    frame = step.ingest("file://events.csv")
    with pytest.raises(Exception, match="conversion") as raised:
        step.write(frame.with_columns(amount=nw.lit("x").cast(nw.Int64)))
    assert not isinstance(raised.value, SourceError)


HEADERS = {
    "id,seen,amount,amount": "line 1: fields 3 and 4 are both named 'amount'",
    "id,Amount,seen,amount": "line 1: fields 2 and 4 are both named 'amount'",
    "id,seen,,amount": "line 1: field 3 is named ''",
    "id,seen,amount,_partition": "line 1: field 4 is named '_partition'",
    "id,seen,caf\xe9": "line 1: the byte 0xe9 is not UTF-8",
    "": "is empty: it has no header line; restore the file",
    "\nid,seen": "is empty: its first line is blank",
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_cannot_be_read_is_named(checkout: Checkout, header: str):
    (checkout.root / "events.csv").write_bytes(header.encode("latin-1"))
    sentence = said()
    assert sentence.startswith("source file://events.csv")
    assert HEADERS[header] in sentence


def test_utf_16_is_named(checkout: Checkout):
    (checkout.root / "events.csv").write_bytes("id,seen\n".encode("utf-16"))
    assert "is in UTF-16; save it as UTF-8" in said()


def test_a_header_in_other_words_gives_columns_that_a_contract_can_name(checkout: Checkout):
    checkout.source(f"{HEADER.replace('ratio', 'Ratio')},Mood Score\n{GOOD},7\n")
    land()
    step = Step("bronze.events", start="2013-01-01", end="2013-01-02")
    assert step.result().select("ratio", "mood_score").collect().rows() == [(0.5, "7")]


def zipped(checkout: Checkout, **members: str) -> Path:
    path = checkout.root / "events.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return path


def test_an_archive_without_its_file_is_named(checkout: Checkout):
    zipped(checkout, readme_txt="x")
    assert said("events.zip") == (
        "source file://events.zip holds 0 CSV files (readme.txt); pack exactly one"
    )


def test_what_is_no_archive_is_named(checkout: Checkout):
    (checkout.root / "events.zip").write_text("id\n1\n")
    assert "source file://events.zip cannot be unpacked: File is not a zip file" in said(
        "events.zip"
    )


def test_a_damaged_archive_leaves_nothing_behind(checkout: Checkout):
    path = zipped(checkout, events_csv=f"{HEADER}\n{GOOD}\n")
    path.write_bytes(path.read_bytes().replace(b"2013", b"2014", 1))
    assert "source file://events.zip cannot be unpacked: Bad CRC-32" in said("events.zip")
    sources = checkout.root / ".lake/.cache/sources"
    assert {path.suffix for path in sources.iterdir()} == {".json"}


def test_the_line_of_an_archives_member_is_named(checkout: Checkout):
    zipped(checkout, events_csv=f"{HEADER}\n{GOOD}\n{GOOD},9\n")
    assert "source file://events.zip, line 3: 8 fields" in said("events.zip")
