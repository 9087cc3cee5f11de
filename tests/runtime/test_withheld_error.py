"""What is told of an error, and of a cell's outputs, where values have to stay hidden."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from small_checkout import COLUMNS, LANDING, in_prod

from lakebook import Step
from lakebook.archive.withheld import CARD, kept_output, note, read
from lakebook.errors import ContractError, LakebookError, UserError
from lakebook.intervals import parse_day
from lakebook.runtime.withheld_error import safe
from lakebook.step.told import told, words_known

SECRET = "zq-secret@x.example"
HIDDEN = {"bronze.people": ["email"]}


def raised_by(make: Any) -> BaseException:
    try:
        make()
    except Exception as raised:
        return raised
    raise AssertionError("nothing was raised")


def by_a_cell(error: BaseException) -> Any:
    def make() -> None:
        raise error

    return make


def polars_cast() -> None:
    pl.DataFrame({"email": [SECRET]}).select(pl.col("email").cast(pl.Int64))


def duckdb_cast() -> None:
    duckdb.sql(f"select cast(v as int) from (values ('{SECRET}')) t(v)").fetchall()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (by_a_cell(ValueError(f"bad {SECRET}")), "its message is hidden"),
        (by_a_cell(UserError(f"bad {SECRET}", fix=SECRET)), "its message is hidden"),
        (polars_cast, "conversion from string to int64 failed in column 'email'"),
        (duckdb_cast, "Conversion Error"),
    ],
)
def test_what_an_engine_or_a_cell_says_stays_hidden(make: Any, says: str) -> None:
    raised = raised_by(make)
    found = safe(told(raised, []), raised, HIDDEN)
    assert says in found.sentence and SECRET not in str(found) + found.sentence


def test_our_own_sentence_stays_without_what_it_quotes() -> None:
    raised = raised_by(lambda: parse_day("2013-13-45", what="start"))
    assert isinstance(raised, LakebookError)
    assert safe(None, raised, HIDDEN).sentence == raised.sentence
    cause = raised_by(polars_cast)
    ours = ContractError(f"a value does not fit: {SECRET}", where="silver.people")
    ours.__cause__, ours.__traceback__ = cause, raised.__traceback__  # as if we had raised it
    shown = safe(None, ours, HIDDEN)
    assert isinstance(shown, ContractError) and "a value does not fit" in shown.sentence
    assert SECRET not in shown.sentence and shown.where == "silver.people"


CELLS = """rows = step.ingest("file://events-2013-01.csv")
rows = rows.rename({"amt": "total"}).filter(nw.col("amount") > 0)"""


@pytest.mark.parametrize("column", ["amount", "amt"], ids=["of the contract", "of the cells"])
def test_the_column_that_a_source_has_renamed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    checkout = in_prod(tmp_path, monkeypatch)
    checkout.contract("bronze.events", COLUMNS + LANDING)
    name = "events-2013-01.csv"  # digits that the engine quotes as well
    (tmp_path / name).write_text("id,seen,value\n1,2013-01-01T10:00:00Z,10\n")
    step = Step("bronze.events", start="2013-01-01", end="2013-01-02")
    rows = step.ingest(f"file://{name}").to_native().filter(pl.lit("2013-01") != "")
    raised = raised_by(lambda: rows.select(column).collect())
    assert "2013-01" in str(raised)
    hidden = {f"file://{name}": ["value"]}
    shown = safe(told(raised, [step]), raised, hidden, words_known([step]), CELLS)
    assert shown.sentence == f"column {column!r} is not in file://{name}"


def test_a_column_that_is_named_by_a_value_stays_hidden() -> None:
    people = pl.LazyFrame({"email": [SECRET], "city": ["Gothenburg"]})
    wide = people.collect().pivot("email", index="city", values="city").lazy()
    for asked in ("zq-secret of another", f"{SECRET[:-1]}!"):  # the second is near to one there is
        raised = raised_by(lambda asked=asked: wide.select(asked).collect())
        code = f"wide.select(row['email'])  # {SECRET[:5]}"
        shown = safe(told(raised, []), raised, HIDDEN, {"email", "city"}, code)
        assert shown.sentence.startswith("column '•••' is not in") and SECRET[:5] not in str(shown)


def test_names_stay_where_values_are_masked() -> None:
    cause = ValueError(f"bad '{SECRET}', '4711-22' and 'city of Gothenburg'")
    ours = raised_by(lambda: parse_day("2013-13-45", what="start"))
    ours.found = f"{SECRET}: 4711-22 in city of Gothenburg, of city in file://4711-22.csv"
    ours.__cause__ = cause
    shown = safe(None, ours, HIDDEN, {"city", "file://4711-22.csv"})
    assert shown.found == "•••: ••• in •••, of city in file://4711-22.csv"


def output(kind: str, **more: Any) -> dict[str, Any]:
    return {"output_type": kind, "metadata": {}, **more}


def test_only_cards_and_pictures_are_kept() -> None:
    card = output("display_data", data={"text/html": "<b>•••</b>"}) | {"metadata": {CARD: True}}
    assert kept_output(card, HIDDEN) == card
    picture = output("display_data", data={"image/png": "iVBO", "text/plain": SECRET})
    assert kept_output(picture, HIDDEN)["data"] == {"image/png": "iVBO", "text/plain": "a picture"}
    for shown in (
        output("stream", name="stdout", text=f"{SECRET}\n{SECRET}\n"),
        output("execute_result", data={"text/plain": SECRET, "text/html": SECRET}),
        output("display_data", data={"application/json": [SECRET], "image/svg+xml": SECRET}),
    ):
        assert SECRET not in str(kept_output(shown, HIDDEN))
        assert "email of bronze.people" in str(kept_output(shown, HIDDEN))
        assert kept_output(shown, {}) == shown, "nothing is hidden where nothing has to be"


def test_what_was_said_of_hidden_columns_adds_up(tmp_path: Any) -> None:
    assert read(tmp_path) == {}
    note(tmp_path, {"bronze.people": {"email"}})
    note(tmp_path, {"bronze.people": {"ssn"}, "silver.people": set()})
    assert read(tmp_path) == {"bronze.people": ["email", "ssn"]}


def test_what_a_run_touched_is_on_disk_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs that are there after a power cut are cut by what it says."""
    synced: list[Path] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    note(tmp_path / "run", HIDDEN)
    (name,) = (path.name for path in (tmp_path / "run").iterdir())
    assert any(path.parent == tmp_path / "run" and name in path.name for path in synced)
    assert tmp_path / "run" in synced and tmp_path in synced, "its folder, and that of the run"
    before = len(synced)
    note(tmp_path / "run", HIDDEN)
    assert len(synced) == before, "what was said is not written again"
