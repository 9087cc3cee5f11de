"""The difference to the last good run says what changed, and nothing that did not."""

from __future__ import annotations

from typing import Any

from lakebook.archive.cells import render_cells
from lakebook.archive.record import RunRecord
from lakebook.site.diff import Value, compare, diff_lines

from .conftest import check, code_cell, output, shown

SVG = "<svg xmlns='http://www.w3.org/2000/svg'><rect width='{0}' height='1'/></svg>"


def record(**fields: Any) -> RunRecord:
    given = {"run_id": "r", "step": "silver.x", "env": "prod", "status": "ok"}
    return RunRecord(**{**given, "began": "2026-11-20T10:00:00+00:00", "elapsed_s": 1.0, **fields})


def cells(*made: dict[str, Any]) -> list[dict[str, Any]]:
    return render_cells({"cells": list(made)})["cells"]


def test_the_same_run_twice_differs_in_nothing() -> None:
    same = cells(code_cell("x = 1", shown(text="1"), shown(svg=SVG.format(3))))
    run = record(parameters={"start": "2013-01-01"}, outputs=(output(audited=5),))
    assert compare(run, run, same, same).is_empty


def test_a_changed_line_is_shown_between_its_neighbours() -> None:
    before = cells(code_cell("a = 1\nb = 2\nc = 3"))
    now = cells(code_cell("a = 1\nb = 20\nc = 3"))
    (change,) = compare(record(), record(), now, before).code
    assert [(line.kind, line.text) for line in change.lines] == [
        ("same", "a = 1"),
        ("gone", "b = 2"),
        ("new", "b = 20"),
        ("same", "c = 3"),
    ]
    assert (change.kind, change.number) == ("changed", 1)


def test_a_cell_that_was_put_in_makes_no_other_differ() -> None:
    before = cells(code_cell("a = 1"), code_cell("c = 3", number=2))
    now = cells(code_cell("a = 1"), code_cell("b = 2", number=2), code_cell("c = 3", number=3))
    (change,) = compare(record(), record(), now, before).code
    assert (change.kind, change.number) == ("new", 2)


def test_rows_inputs_checks_parameters_and_profile_are_values_before_and_now() -> None:
    def run(version: int, rows: int, nulls: int, **fields: Any) -> RunRecord:
        profile = {"rows": rows, "columns": {"tail": {"nulls": nulls, "distinct": 5}}}
        return record(
            inputs=({"dataset": "bronze.x", "version": version},),
            outputs=(output("silver.x", audited=rows, profile=profile),),
            **fields,
        )

    before = run(3, 100, 0, parameters={"limit": 5}, checks=(check("known"),))
    now = run(4, 90, 2, parameters={"limit": 6}, checks=(check("known", success=False),))
    found = compare(now, before, [], [])
    assert found.inputs == (Value("bronze.x", "version 3", "version 4"),)
    assert Value("silver.x: published", 100, 90) in found.rows
    assert found.parameters == (Value("limit", 5, 6),)
    assert found.checks == (Value("silver.flights: known", "holds", "7 rows do not hold"),)
    assert found.profile == (Value("silver.x.tail: nulls", 0, 2),)


def test_the_interval_is_no_parameter() -> None:
    before = record(start="2013-01-01", end="2013-02-01", parameters={"start": "2013-01-01"})
    now = record(start="2013-02-01", end="2013-03-01", parameters={"start": "2013-02-01"})
    found = compare(now, before, [], [])
    assert found.parameters == ()
    assert found.interval == Value(
        "interval", ("2013-01-01", "2013-02-01"), ("2013-02-01", "2013-03-01")
    )


def test_text_outputs_and_pictures_are_compared_by_cell() -> None:
    before = cells(code_cell("plot()", shown(text="3 rows"), shown(svg=SVG.format(3))))
    now = cells(code_cell("plot()", shown(text="4 rows"), shown(svg=SVG.format(4))))
    found = compare(record(), record(), now, before)
    assert [line.text for line in found.outputs[0].lines] == ["3 rows", "4 rows"]
    (picture,) = found.pictures
    assert picture.before != picture.now and picture.now.startswith("data:image/svg")


def test_what_a_failed_run_never_reached_is_no_difference() -> None:
    before = cells(
        code_cell("a = 1", shown(text="1")), code_cell("b = 2", shown(text="2"), number=2)
    )
    now = cells(
        code_cell("a = 1", shown(text="1"), status="failed"),
        code_cell("b = 2", number=2, status="none"),
    )
    good = record(outputs=(output(audited=5),), checks=(check("known"),))
    assert compare(record(status="failed"), good, now, before).is_empty


def test_long_texts_that_are_alike_are_folded() -> None:
    text = "\n".join(f"line {n}" for n in range(100))
    lines = list(diff_lines(text, text.replace("line 50", "line fifty")))
    assert [line.text for line in lines if line.kind == "skip"] == [
        "47 lines alike",
        "46 lines alike",
    ]
    assert len(lines) == 10


def test_a_text_of_many_lines_is_compared_at_its_beginning_alone() -> None:
    text = "\n".join(f"line {n}" for n in range(50_000))
    lines = list(diff_lines(text, f"new\n{text}"))
    assert "50,000" in lines[0].text and len(lines) < 20
