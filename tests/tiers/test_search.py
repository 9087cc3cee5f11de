"""A subject is parsed by the contract's types and found by decoding, whatever a file is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import delta_worker as w
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakebook.contract.model import Column
from lakebook.errors import UserError
from lakebook.tiers.erasure.search import Search, apart
from lakebook.tiers.erasure.subject import Subject, parse_subject

TYPES = {
    "s": "string",
    "i": "int64",
    "j": "int32",
    "f": "float64",
    "b": "boolean",
    "d": "date",
    "t": "timestamp",
    "n": "decimal(6,2)",
    "x": "binary",
}
CONTRACT = replace(w.make_contract(), columns=tuple(Column(n, k) for n, k in TYPES.items()))


def subject(*keys: str) -> Subject:
    return parse_subject(CONTRACT, keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("s=a=b", "a=b"),
        ("i=-4711", -4711),
        ("f=0.5", 0.5),
        ("b=True", True),
        ("d=2013-01-31", date(2013, 1, 31)),
        ("t=2013-01-31T10:00:00", datetime(2013, 1, 31, 10)),
        ("t=2013-01-31T10:00:00+02:00", datetime(2013, 1, 31, 8)),
        ("n=12.5", Decimal("12.50")),
        ("x=0aff", b"\x0a\xff"),
    ],
)
def test_values_are_parsed_by_type(key: str, value: object) -> None:
    assert subject(key).conditions[0].value == value


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "no key is given"),
        (["i"], "a key is not COLUMN=VALUE"),
        (["idd=1"], "silver.events has no column 'idd'"),
        (["i="], "the key 'i' has no value"),
        (["i=987x"], "the value of the key 'i' is no int64; write it such as 4711"),
        (["j=3000000987"], "is no int32"),
        (["f=nan"], "is no float64"),
        (["b=987"], "is no boolean"),
        (["d=987"], "is no date"),
        (["t=987"], "is no timestamp"),
        (["n=9.987"], r"is no decimal\(6,2\)"),
        (["n=98798.00"], r"is no decimal\(6,2\)"),
        (["x=987"], "is no binary"),
        (["i=1", "i=987"], "the column 'i' is given twice"),
    ],
)
def test_bad_keys_get_a_sentence_without_the_value(keys: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        subject(*keys)
    assert "987" not in raised.value.sentence and raised.value.sentence.count("\n") == 0


def test_a_subject_shows_no_value() -> None:
    assert "secret" not in repr(subject("s=secret", "i=4711")) and "4711" not in repr(
        subject("i=4711")
    )


def table(**columns: list) -> pa.Table:
    types = {name: CONTRACT.arrow_schema().field(name).type for name in columns}
    return pa.table({n: pa.array(v, types[n]) for n, v in columns.items()})


def test_all_conditions_must_hold_and_null_is_nobody(tmp_path: Path) -> None:
    rows = table(s=["a", "a", None, "b"], i=[1, 2, 1, 1])
    pq.write_table(rows, tmp_path / "x.parquet")
    assert Search(subject("s=a")).below([tmp_path]).rows == {tmp_path / "x.parquet": 2}
    assert Search(subject("s=a", "i=1")).below([tmp_path]).rows == {tmp_path / "x.parquet": 1}
    assert Search(subject("i=1")).below([tmp_path]).rows == {tmp_path / "x.parquet": 3}
    assert Search(subject("i=9")).below([tmp_path]).rows == {}


@pytest.mark.parametrize(("name", "value"), [("f", 0.25), ("b", True), ("x", b"\x0a"), ("j", 7)])
def test_each_type_is_found(tmp_path: Path, name: str, value: object) -> None:
    pq.write_table(table(**{name: [value, None]}), tmp_path / "x.parquet")
    text = value.hex() if isinstance(value, bytes) else str(value)
    assert len(Search(subject(f"{name}={text}")).below([tmp_path]).rows) == 1


def test_files_are_found_by_what_they_hold(tmp_path: Path) -> None:
    """Whatever their names, row groups, types, dictionaries, or their statistics say."""
    rows = table(i=[1, 2, 3, 4711])
    for place in ("a.parquet", ".hidden/b.spill", "_staging/x.00000.parquet.tmp"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        pq.write_table(rows, path, row_group_size=1, write_statistics=False)
    pq.write_table(pa.table({"i": ["4711", "x"]}), tmp_path / "as_text.parquet")
    pq.write_table(pa.table({"i": pa.array([4711], pa.int32())}), tmp_path / "narrow.parquet")
    pq.write_table(pa.table({"other": [4711]}), tmp_path / "no_column.parquet")
    pq.write_table(pa.table({"i": [[4711]]}), tmp_path / "list.parquet")
    (tmp_path / "text.txt").write_text("4711")
    (tmp_path / "empty.parquet").touch()
    found = Search(subject("i=4711")).below([tmp_path, tmp_path / ".hidden"])
    assert sorted(p.name for p in found.rows) == [
        "a.parquet",
        "as_text.parquet",
        "b.spill",
        "narrow.parquet",
        "x.00000.parquet.tmp",
    ]
    assert found.unread == {} and found.files == 7 and found.size_bytes > 0


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    pq.write_table(table(i=[4711]), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(content[:-20])
    (tmp_path / "y.parquet").write_bytes(b"nothing of the kind")
    found = Search(subject("i=4711")).below([tmp_path])
    assert sorted(path.name for path in found.unread) == ["x.parquet", "y.parquet"]
    assert found.files == 0


def test_a_file_that_went_meanwhile_has_no_rows(tmp_path: Path) -> None:
    found = Search(subject("i=4711")).through([tmp_path / "gone.parquet"])
    assert (found.rows, found.unread, found.files) == ({}, {}, 0)


def test_a_root_within_another_is_searched_once(tmp_path: Path) -> None:
    inner = tmp_path / "warm"
    inner.mkdir()
    assert apart([inner, tmp_path, tmp_path]) == [tmp_path.resolve()]
