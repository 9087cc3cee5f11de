"""The life of a column that a source gains: taken up, missing again, added to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_checkout import COLUMNS, LANDING, POSITIVE, Checkout

from lakebook import Step
from lakebook.contract.lookup import find_table
from lakebook.errors import ContractError, SourceError
from lakebook.names import Dataset
from lakebook.quality import quarantine
from lakebook.run.query import run_query
from lakebook.settings import load_settings

HEADER = "id,seen,amount"
W = "      - {name: w, logicalType: %s, physicalType: %s}\n"


class Lake:
    """A checkout with bronze.events, run here and not in a kernel."""

    def __init__(self, root: Path) -> None:
        self.checkout = Checkout(root)
        (root / "lakebook.toml").write_text("")
        self.contract()

    def contract(self, more: str = "", columns: str = COLUMNS) -> None:
        self.checkout.contract("bronze.events", columns + more + LANDING)

    def land(self, day: int, header: str = HEADER, row: str = "", keep=lambda frame: frame):
        self.checkout.source(f"{header}\n{day},2013-01-0{day}T10:00:00Z{row}\n")
        step = Step("bronze.events", start=f"2013-01-0{day}", end=f"2013-01-0{day + 1}")
        card = step.write(keep(step.ingest("file://events.csv")))
        assert card.output.rows_published == 1
        return list(card.notes)

    def read(self, *columns: str):
        step = Step("silver.x", start="2013-01-01", end="2013-01-02")
        frame = step.read("bronze.events", whole=True)
        return frame.select("id", *columns).sort("id").collect().rows()

    def query(self, sql: str, **settings: str):
        return run_query(load_settings(self.checkout.root, **settings), sql, unmask=True).fetchall()


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("LAKEBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("LAKEBOOK_RUN", raising=False)
    monkeypatch.setenv("LAKEBOOK_ENV", "prod")
    made = Lake(tmp_path)
    made.checkout.contract("silver.x", COLUMNS)
    return made


def test_it_is_taken_up_noted_and_shown_to_readers(lake: Lake):
    assert lake.land(1, row=",10") == []
    (note,) = lake.land(2, f"{HEADER},w", ",20,good")
    assert "new column 'w' in file://events.csv taken up as string" in note
    # The first partition was written before, and reads as null.
    assert lake.read("w") == [(1, None), (2, "good")]
    assert lake.query("SELECT id, w FROM bronze.events ORDER BY id") == [(1, None), (2, "good")]


def test_when_a_later_file_lacks_it_the_rows_are_null_and_it_is_noted(lake: Lake):
    lake.land(1, f"{HEADER},w", ",10,good")
    (note,) = lake.land(2, row=",20")
    assert "column 'w', taken up before and not in events.contract.yaml" in note
    assert "missing in the source" in note
    assert lake.read("w") == [(1, "good"), (2, None)]
    (note,) = lake.land(3, f"{HEADER},w", ",30,fair")
    assert "new column 'w'" in note
    assert lake.read("w") == [(1, "good"), (2, None), (3, "fair")]


def test_in_the_contract_as_string_it_is_promised_and_its_loss_stops_the_step(lake: Lake):
    lake.land(1, f"{HEADER},w", ",10,good")
    lake.contract(W % ("string", "string"))
    assert lake.land(2, f"{HEADER},w", ",20,fair") == []
    with pytest.raises(SourceError) as raised:
        lake.land(3, row=",30")
    assert "has no column 'w'" in str(raised.value)
    assert "compute it before the write, or take it out of the contract" in str(raised.value)
    # And that is a way out, not a circle.
    lake.contract()
    assert "missing in the source" in lake.land(3, row=",30")[0]
    assert lake.read("w") == [(1, "good"), (2, "fair"), (3, None)]


def test_in_the_contract_as_another_type_it_is_refused_with_a_way_that_works(lake: Lake):
    lake.land(1, f"{HEADER},w", ",10,7")
    lake.contract(W % ("integer", "int64"))
    with pytest.raises(ContractError) as raised:
        lake.land(2, f"{HEADER},w", ",20,8")
    assert "column 'w' of bronze.events is string in the table and int64 in the contract" in str(
        raised.value
    )
    assert "write string here and cast it in the step that reads it" in str(raised.value)
    lake.contract(W % ("string", "string"))
    assert lake.land(2, f"{HEADER},w", ",20,8") == []
    assert lake.read("w") == [(1, "7"), (2, "8")]


def test_a_promised_column_taken_out_of_the_contract_keeps_its_type(lake: Lake):
    lake.land(1, row=",10")
    lake.contract(columns=COLUMNS.splitlines(keepends=True)[0])
    (note,) = lake.land(2, row=",20")
    assert "new column 'amount' in file://events.csv taken up as int64" in note
    assert lake.read("amount") == [(1, 10), (2, 20)]
    lake.land(3, "id,seen")
    assert lake.query("SELECT sum(amount) FROM bronze.events") == [(30,)]


def test_a_required_column_cannot_be_lost_and_the_sentence_does_not_say_so(lake: Lake):
    required = COLUMNS.replace("physicalType: int64}", "physicalType: int64, required: true}")
    lake.contract(columns=required)
    lake.land(1, row=",10")
    with pytest.raises(SourceError, match="or write a new dataset: a table keeps its required"):
        lake.land(2, "id,seen")
    lake.contract(columns=COLUMNS.splitlines(keepends=True)[0])
    with pytest.raises(ContractError, match=r"has the column 'amount', .*put it back"):
        lake.land(2, "id,seen")


def test_a_notebook_may_leave_it_out(lake: Lake):
    dropped = {"keep": lambda frame: frame.drop("w")}
    assert lake.land(1, f"{HEADER},w", ",10,good", **dropped) == []
    lake.land(2, f"{HEADER},w", ",20,good")
    (note,) = lake.land(3, f"{HEADER},w", ",30,good", **dropped)
    assert "left out by bronze.events" in note
    assert lake.read("w") == [(1, None), (2, "good"), (3, None)]


def test_a_merge_keeps_it_too(lake: Lake):
    lake.checkout.contract("bronze.events", COLUMNS + LANDING, write="merge")
    for header, row in (
        (f"{HEADER},w", "1,2013-01-01T10:00:00Z,10,good"),
        (HEADER, "2,2013-01-01T11:00:00Z,20"),
    ):
        lake.checkout.source(f"{header}\n{row}\n")
        step = Step("bronze.events", start="2013-01-01", end="2013-01-02")
        step.write(step.ingest("file://events.csv"))
    assert lake.read("w") == [(1, "good"), (2, None)]


def test_rows_set_aside_keep_it(lake: Lake):
    lake.checkout.contract("bronze.events", COLUMNS + LANDING, quality=POSITIVE)
    for day, header, row in (
        (1, HEADER, ",-1"),
        (2, f"{HEADER},w", ",-2,good"),
        (3, HEADER, ",-3"),
    ):
        lake.checkout.source(f"{header}\n{day},2013-01-0{day}T10:00:00Z{row}\n")
        step = Step("bronze.events", start=f"2013-01-0{day}", end=f"2013-01-0{day + 1}")
        assert step.write(step.ingest("file://events.csv")).output.rows_quarantined == 1
    settings = load_settings(lake.checkout.root)
    rows = quarantine.show(settings, find_table(settings, Dataset("bronze", "events")))
    assert rows.select("id", "w").sort("id").collect().rows() == [(1, None), (2, "good"), (3, None)]


def test_an_environment_sees_what_prod_took_up_and_takes_up_its_own(lake: Lake, monkeypatch):
    lake.land(1, f"{HEADER},w", ",10,good")
    monkeypatch.setenv("LAKEBOOK_ENV", "ana")
    assert any("missing in the source" in note for note in lake.land(2, f"{HEADER},v", ",20,new"))
    assert lake.read("w", "v") == [(1, "good", None), (2, None, "new")]
    monkeypatch.delenv("LAKEBOOK_ENV")
    assert (
        lake.query(
            "SELECT * EXCLUDE (_source, _source_digest, _source_modified) FROM bronze.events"
        )[0][-1]
        == "good"
    )


def test_a_step_that_lands_nothing_still_may_not_lose_a_column(lake: Lake):
    lake.land(1, row=",10")

    def clean() -> None:
        step = Step("silver.x", start="2013-01-01", end="2013-01-02")
        columns = ["id", "seen", *lake_columns]
        step.write(step.read("bronze.events").select(*columns))

    lake_columns = ["amount"]
    clean()
    lake.checkout.contract("silver.x", COLUMNS.splitlines(keepends=True)[0])
    lake_columns = []
    with pytest.raises(ContractError, match=r"silver\.x has the column 'amount'"):
        clean()
