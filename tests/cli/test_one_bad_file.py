"""With one file broken, commands do what does not hang on it, and say what is left out."""

from __future__ import annotations

import json

import pytest
from small_checkout import COLUMNS, Checkout, small_checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MAIL = "      - {name: mail, logicalType: string, physicalType: string"
INTERVAL = ("--start", "2013-01-01", "--end", "2013-01-04")


def build(checkout: Checkout) -> Checkout:
    """Beside silver.events stand silver.bad, which was made once, and gold.top, made of it."""
    for name, source in (("silver.bad", "bronze.events"), ("gold.top", "silver.bad")):
        checkout.contract(name, COLUMNS)
        cells = [
            f'from lakebook import Step\nstep = Step("{name}", start=start, end=end)',
            f'step.write(step.read("{source}").select("id", "seen", "amount"))',
        ]
        checkout.notebook(name, cells)
    steps = checkout.run()
    assert [step["status"] for step in steps.values()] == ["ok"] * 4
    assert checkout.lakebook("check").returncode == 0
    path = checkout.root / "notebooks/silver/bad.contract.yaml"
    path.write_text(path.read_text().replace("physicalType: int64", "physicalType: int65"))
    checkout.source("id,seen,amount\n9,2013-01-02T10:00:00Z,90\n")
    return checkout


@pytest.fixture
def broken(checkout: Checkout) -> Checkout:
    return build(checkout)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The same, for commands that change nothing of it."""
    return build(small_checkout(tmp_path_factory.mktemp("broken")))


def test_run_makes_the_others_and_ends_with_the_error(broken: Checkout) -> None:
    done = broken.lakebook("run", *INTERVAL, "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert {step["step"]: step["status"] for step in found["steps"]} == {
        "bronze.events": "ok",
        "silver.events": "ok",
    }
    (error,) = found["broken"]
    assert error["step"] == "silver.bad" and "int65" in error["error"]
    assert found["held"] == [{"step": "gold.top", "by": ["silver.bad"]}]
    assert "error notebooks/silver/bad.contract.yaml" in done.stderr
    assert "gold.top is left out: it hangs on silver.bad" in done.stderr
    rows = "select id from silver.events where seen >= '2013-01-02'"
    assert broken.query(rows) == [{"id": 9}]
    chosen = broken.lakebook("run", "silver.events", *INTERVAL)
    assert chosen.returncode == 0
    assert "note silver.bad cannot be read, and what hangs on it is left out" in chosen.stderr


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("run", "silver.bad", *INTERVAL), 2, "error notebooks/silver/bad.contract.yaml:"),
        (("run", "gold.top", *INTERVAL), 2, "gold.top hangs on silver.bad, which cannot be read"),
        (("plan", *INTERVAL), 2, "silver.events"),
        (("plan", "silver.events", *INTERVAL), 0, "0 of 1 step to run"),
        (("graph",), 2, "silver.events"),
        (("check",), 2, "2 steps checked, 1 error"),
        (("check", "silver.events"), 0, "1 step checked, 0 errors"),
        (("lineage", "silver.events"), 0, "note silver.bad cannot be read"),
        (("query", "select count(*) from silver.bad"), 2, "int65"),
        (("query", "select count(*) from gold.top"), 2, "int65"),
        (("quarantine", "replay", "silver.events"), 0, "silver.events"),
        (("tier", "status"), 2, "silver.events"),
        (("tier", "plan", "--as-of", "2014-01-01"), 2, "its datasets are left out"),
        (("tier", "verify"), 2, "all as it must be"),
        (("tier", "compact"), 1, "silver.bad"),
        (("report", "build"), 0, "int65"),
        (("diff", "silver.events"), 2, "has written nothing"),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, tuple) else None,
)
def test_a_command_goes_on(
    shared: Checkout, command: tuple[str, ...], code: int, said: str
) -> None:
    done = shared.lakebook(*command)
    text = done.stdout + done.stderr
    assert done.returncode == code and said in text, text
    assert "no contract promises" not in text and "Traceback" not in text


def test_the_catalog_keeps_what_it_has_of_it(broken: Checkout) -> None:
    done = broken.lakebook("datahub", "emit", "--json")
    assert done.returncode == 1
    (trouble,) = json.loads(done.stdout)["troubles"]
    assert "int65" in trouble
    said = "".join(p.read_text() for p in (broken.root / ".lake/prod/outbox").rglob("*dataset*"))
    assert "silver.events" in said
    assert '"removed": true' not in said


def test_maintenance_does_the_others_and_notes_it(broken: Checkout) -> None:
    cells = ['from lakebook.ops import Maintenance\nMaintenance("tidy").compact()']
    broken.notebook("ops.tidy", cells, time=False)
    done = broken.lakebook("run", "ops.tidy", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (step,) = json.loads(done.stdout)["steps"]
    assert any("int65" in note for note in step["runs"][0]["notes"])


def test_what_refers_to_a_classified_column_of_it_is_not_shown(checkout: Checkout) -> None:
    """What the broken contract classifies is not known."""
    hidden = f"{MAIL}, classification: restricted}}\n"
    refers = f"{MAIL}, relationships: [{{to: people.mail}}]}}\n"
    for name, columns in (("silver.people", hidden), ("silver.orders", refers)):
        checkout.contract(name, COLUMNS + columns)
        cells = [
            "import narwhals as nw\nfrom lakebook import Step\n"
            f'step = Step("{name}", start=start, end=end)',
            'events = step.read("bronze.events").select("id", "seen", "amount")\n'
            'step.write(events.with_columns(mail=nw.lit("m@x")))',
        ]
        checkout.notebook(name, cells)
    steps = checkout.run()
    assert {step["status"] for step in steps.values()} == {"ok"}
    rows = ("query", "select mail from silver.orders", "--format", "json")
    assert "m@x" not in checkout.lakebook(*rows).stdout
    path = checkout.root / "notebooks/silver/people.contract.yaml"
    path.write_text(path.read_text().replace("physicalType: int64", "physicalType: int65"))
    done = checkout.lakebook(*rows)
    assert (done.returncode, "m@x" in done.stdout) == (2, False)
    assert "people.contract.yaml" in done.stderr
