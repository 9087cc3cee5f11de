"""A `%%sql` cell is the call of `step.sql` that somebody would have written."""

from __future__ import annotations

import ast

import pytest
from small_lake import SmallLake, rows

from lakebook.errors import UserError
from lakebook.step.sql_cell import as_module, is_sql_cell, parse_sql_cell, run_sql_cell


def python(source: str) -> str:
    return ast.unparse(as_module(parse_sql_cell(source)))


def test_only_a_cell_that_begins_with_the_magic_is_one() -> None:
    assert is_sql_cell("%%sql\nselect 1") and is_sql_cell("\n%%sql x\nselect 1")
    assert not any(map(is_sql_cell, ("", "x = 1\n%%sql", "%%sqlx\nselect 1", "%sql select 1")))


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("%%sql\nfrom bronze.a;", "__step__.sql('from bronze.a')"),
        ("%%sql clean\nfrom bronze.a", "clean = __step__.sql('from bronze.a')"),
        ("%%sql clean <<\nfrom bronze.a", "clean = __step__.sql('from bronze.a')"),
        (
            "%%sql a --before 2 --after=1 --whole --refresh forward\nfrom bronze.a",
            "a = __step__.sql('from bronze.a', before=2, after=1, whole=True, refresh='forward')",
        ),
        (
            "%%sql\nfrom clean where id % 2 > $low",
            "__step__.sql('from clean where id % 2 > $low', clean=clean, params={'low': low})",
        ),
    ],
)
def test_it_is_read_as_a_call(source: str, call: str) -> None:
    assert python(source) == call


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a b", "'b' in the first line is no name of a frame; write %%sql NAME"),
        ("a-b", "'a-b' in the first line is no name"),
        ("a --befor 1", "there is no option --befor (did you mean 'before'?)"),
        ("a --before", "--before '' makes no sense"),
        ("a --before x", "--before 'x' makes no sense"),
        ("a --whole=1", "--whole '1' makes no sense"),
        ("a --refresh often", "--refresh 'often' makes no sense"),
        ("'a", "the first line does not parse"),
    ],
)
def test_a_first_line_that_makes_no_sense_says_how_to_write_it(line: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_sql_cell(f"%%sql {line}\nselect 1")
    assert sentence in str(refused.value)


def test_it_takes_step_frames_and_values_from_the_notebook(lake: SmallLake) -> None:
    lake.contract("snapshot", time=False)
    step = lake.open(None, None)
    names = {"other": 1, "anything": step, "Clean": rows((1, None, 5), (2, None, 7)), "low": 6}

    used, frame = run_sql_cell(parse_sql_cell("%%sql big\nfrom Clean where amount > $low"), names)

    assert used is step
    assert names["big"] is frame
    assert frame.select("id").collect().rows() == [(2,)]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({}, "the notebook has no Step yet"),
        ({"step": 1, "clen": 2}, "is no dataset and no frame (did you mean 'clen'?)"),
        ({"step": 1, "clean": 2}, "there is no variable 'low'"),
    ],
)
def test_a_name_that_the_notebook_lacks_is_said(
    lake: SmallLake, names: dict[str, object], sentence: str
) -> None:
    lake.contract("snapshot", time=False)
    if names:
        names = {**names, "step": lake.open(None, None)}

    with pytest.raises(UserError) as refused:
        run_sql_cell(parse_sql_cell("%%sql\nfrom clean where id > $low"), names)
    assert sentence in str(refused.value)
