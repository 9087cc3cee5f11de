"""Bad input ends in one clear sentence and exit code 2; a failed run in exit code 1."""

from __future__ import annotations

import json

import pytest
from small_checkout import COLUMNS, EVENTS, Checkout

INTERVAL = ("--start", "2013-01-01", "--end", "2013-01-04")


def said(checkout: Checkout, *args: str, code: int = 2) -> str:
    done = checkout.lakebook(*args)
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert "Traceback" not in text
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("run", "--start", "2013-13-01", "--end", "2013-01-04"), "--start '2013-13-01' is not"),
        (("run", "--start", "2013-01-01", "--end", "2013-01-01"), "is empty"),
        (("run", "--start", "2013-01-01"), "only one of --start and --end"),
        (("run",), "is cut by day and needs an interval; add --start"),
        (("run", "silver.event", *INTERVAL), "did you mean 'silver.events'?"),
        (("run", "layer:sliver", *INTERVAL), "did you mean 'silver'?"),
        (("run", "tag:event", *INTERVAL), "did you mean 'events'?"),
        (("run", "-p", "start=2013-01-01", *INTERVAL), "use --start"),
        (("query", "SELECT * FROM silver.evnts"), "did you mean 'silver.events'?"),
        (("query", "SELECT * FROM silver.events"), "has no table yet"),
        (("query", "SELEC 1"), "the query does not run"),
        (("quarantine", "show", "silver.nothing"), "no contract promises silver.nothing"),
        (("run", "--env", "A B", *INTERVAL), "is not a name"),
    ],
)
def test_bad_arguments(checkout: Checkout, args, sentence):
    assert sentence in said(checkout, *args)


def test_broken_yaml_names_file_and_line(checkout: Checkout):
    path = checkout.root / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text() + "   : [\n")
    assert "notebooks/silver/events.contract.yaml:" in said(checkout, "graph")


def test_an_unknown_read_names_notebook_and_cell(checkout: Checkout):
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'step.write(step.read("bronze.event"))',
        ],
    )
    text = said(checkout, "graph")
    assert "notebooks/silver/events.ipynb, cell 3" in text
    assert "did you mean 'bronze.events'?" in text


def test_a_read_in_a_loop_is_refused_with_the_way_out(checkout: Checkout):
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'for name in ["bronze.events"]:\n    step.write(step.read(name))',
        ],
    )
    assert "write one call per dataset" in said(checkout, "graph")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (None, "is missing"),
        (EVENTS.replace("amount", "amt"), "has no column 'amount'"),
        (EVENTS.replace("30", "thirty"), "amount"),
    ],
)
def test_a_source_that_is_not_as_promised_stops_the_step(checkout: Checkout, source, sentence):
    if source is None:
        (checkout.root / "events.csv").unlink()
    else:
        checkout.source(source)
    text = said(checkout, "run", *INTERVAL)
    assert sentence in text
    assert "bronze.events" in text


def test_a_new_column_of_a_source_is_taken_up_and_reported(checkout: Checkout):
    lines = EVENTS.splitlines()
    checkout.source("\n".join([lines[0] + ",mood", *(line + ",good" for line in lines[1:])]) + "\n")
    done = checkout.lakebook("run", "bronze.events", *INTERVAL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "new column 'mood'" in done.stdout


def test_a_row_outside_the_interval_fails_the_run(checkout: Checkout):
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events", before=1, after=1)',
            'step.write(events.select("id", "seen", "amount"))',
        ],
    )
    checkout.lakebook("run", "bronze.events", *INTERVAL)
    text = said(checkout, "run", "silver.events", "--start", "2013-01-02", "--end", "2013-01-03")
    assert "outside the interval [2013-01-02, 2013-01-03)" in text


def test_a_row_with_a_null_date_fails_the_run_with_the_column(checkout: Checkout):
    checkout.source(EVENTS + "5,,50\n")
    assert "'seen' is null in some row" in said(checkout, "run", *INTERVAL)


def test_a_column_that_the_contract_lacks_is_named(checkout: Checkout):
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'step.write(step.read("bronze.events").select("id", "seen", total="amount"))',
        ],
    )
    assert "column 'amount' of the contract is not in the result" in said(
        checkout, "run", *INTERVAL
    )


def test_a_contract_without_notebook_is_named(checkout: Checkout):
    checkout.contract("silver.lonely", COLUMNS)
    assert "notebooks/silver/lonely.contract.yaml" in said(checkout, "graph")


def test_a_misspelt_column_is_one_sentence_everywhere(checkout: Checkout):
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'import narwhals as nw\nevents = step.read("bronze.events")',
            'print(events.filter(nw.col("amuont") > 0).collect())',
            'step.write(events.select("id", "seen", "amount"))',
        ],
    )
    sentence = (
        "notebooks/silver/events.ipynb, cell 4: column 'amuont' is not in bronze.events "
        "(did you mean 'amount'?)"
    )
    assert sentence in said(checkout, "run", *INTERVAL, code=1)
    runs = checkout.root / ".lake/prod/runs"
    (record,) = runs.glob("*/*silver.events*/record.json")
    assert json.loads(record.read_text())["error"] == sentence
    site = runs.parent / "site"
    pages = {path: path.read_text() for path in (*site.rglob("*.html"), *site.rglob("*.js"))}
    page = pages[site / "runs" / f"{record.parent.name}.html"]
    assert "column &#39;amuont&#39; is not in bronze.events" in page
    # The notebook's card, and its traceback where the page has any error's.
    assert "Columns of bronze.events (6)</summary>" in page
    assert page.count("<summary>Traceback</summary>") == 2 and "Failed in cell 4, line 1" in page
    for shown in (*pages.values(), record.read_text()):
        assert "Resolved plan" not in shown
    # The developer's traceback, with the plan, is in the notebook.
    assert "Resolved plan" in record.with_name("notebook.ipynb").read_text()


def test_a_fault_in_a_source_names_its_line_wherever_it_is_found(checkout: Checkout):
    checkout.source(EVENTS.replace("30", "thirty"))
    sentence = (
        "source file://events.csv, line 4: column 'amount' has 'thirty', which is no int64; "
        "correct the source, or name it in nullValues of the contract to have null"
    )
    place = "notebooks/bronze/events.ipynb, cell 3: "
    assert place + sentence in said(checkout, "run", *INTERVAL)
    checkout.notebook(
        "bronze.events",
        [
            'from lakebook import Step\nstep = Step("bronze.events", start=start, end=end)',
            'print(step.ingest("file://events.csv").collect())',
        ],
    )
    assert place + sentence in said(checkout, "run", "bronze.events", *INTERVAL)


def test_a_new_column_is_noted_in_run_card_and_record(checkout: Checkout):
    note = "new column 'mood' in file://events.csv taken up as string; add it to "
    checkout.source(EVENTS.replace("\n", ",x\n").replace("amount,x", "amount,mood"))
    (run,) = checkout.run("bronze.events")["bronze.events"]["runs"]
    assert note in run["notes"][0]
    (folder,) = (checkout.root / ".lake/prod/runs").glob("*/*bronze.events*/")
    assert note in json.loads((folder / "record.json").read_text())["notes"][0]
    assert note in (folder / "notebook.ipynb").read_text()
