"""References of a table that is written: several columns at once, and to what is classified."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_checkout import Checkout

from lakebook.contract.lookup import find_table
from lakebook.errors import GateError, UserError
from lakebook.names import Dataset
from lakebook.settings import load_settings
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext

TEXT = "logicalType: string, physicalType: string"
REFERENCE = """\
        relationships:
          - to: people.{to}
            customProperties:
              - {{property: action, value: quarantine}}
              - {{property: reason, value: whom nobody knows}}
"""


def write(root: Path, step: str, rows: dict[str, Any], out: Path | None = None) -> LakeContext:
    contexts: list[LakeContext] = []

    def factory(name: Any, interval: Any, engine: Any) -> LakeContext:
        run = RunContext("run", load_settings(root), static={"code": step}, out=out)
        contexts.append(LakeContext(run, name, interval, engine))
        return contexts[-1]

    with use_context(factory):
        Step(step).write(pl.LazyFrame(rows))
    return contexts[-1]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    (tmp_path / "lakebook.toml").touch()
    return Checkout(tmp_path)


def to_people(checkout: Checkout, column: str) -> None:
    """silver.visits refers by `who` to a column of silver.people."""
    checkout.contract("silver.people", f"      - {{{column}}}\n", time=False)
    name = column.split(",")[0].removeprefix("name: ")
    checkout.contract(
        "silver.visits",
        f"      - name: who\n        {TEXT.replace(', ', chr(10) + '        ')}\n"
        + REFERENCE.format(to=name),
        time=False,
    )


def test_no_value_of_a_classified_column_leaves_by_a_reference(checkout: Checkout) -> None:
    to_people(checkout, f"name: ssn, {TEXT}, classification: restricted")
    out = checkout.root / "out"
    write(checkout.root, "silver.people", {"id": [1, 2], "ssn": ["S-4711", "S-4712"]})
    rows = {"id": [1, 2, 3], "who": ["S-4711", "S-0815", None]}
    context = write(checkout.root, "silver.visits", rows, out)

    check = context.outcome.checks[0]
    told = json.dumps([context.outcome.checks, [asdict(o) for o in context.outcome.outputs]])
    files = "".join(file.read_text() for file in out.rglob("*") if file.is_file())

    assert (check["name"], check["unexpected"]) == ("who_in_people", 1)
    assert "who_in_people" in files and not list(out.glob("audit.*"))
    for value in ("S-4711", "S-4712", "S-0815"):
        assert value not in told + files
    table = find_table(load_settings(checkout.root), Dataset.parse("silver.visits"))
    assert table.column("who").classification == "restricted"


def test_that_a_table_is_not_there_is_said_of_a_classified_column_too(checkout: Checkout) -> None:
    to_people(checkout, f"name: ssn, {TEXT}, classification: restricted")
    with pytest.raises(GateError, match=r"silver\.people has no table yet; run its step first"):
        write(checkout.root, "silver.visits", {"id": [1], "who": ["S-4711"]})


def test_keys_of_an_open_reference_stay_out_of_its_document(checkout: Checkout) -> None:
    to_people(checkout, f"name: nick, {TEXT}")
    out = checkout.root / "out"
    write(checkout.root, "silver.people", {"id": [1, 2], "nick": ["ann", "bob"]})
    write(checkout.root, "silver.visits", {"id": [1, 2], "who": ["ann", "eve"]}, out)
    document = (out / "audit.silver.visits.json").read_text()

    assert "eve" in document and "bob" not in document


SEVERAL = """\
    relationships:
      - from: [visits.id, visits.plan]
        to: [plans.id, plans.plan]
        customProperties:
          - {property: action, value: quarantine}
          - {property: reason, value: a plan that nobody made}
"""


def of_plans(checkout: Checkout, theirs: str) -> None:
    """Visits that refer to plans, of which `theirs` is the column beside the id."""
    checkout.contract("silver.plans", f"      - {{{theirs}}}\n", time=False)
    path = checkout.contract("silver.visits", f"      - {{name: plan, {TEXT}}}\n", time=False)
    path.write_text(path.read_text().replace("    properties:\n", f"{SEVERAL}    properties:\n"))


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (f"name: title, {TEXT}", "silver.plans has no column 'plan'"),
        (
            "name: plan, logicalType: integer, physicalType: int64",
            "'plan' is string and silver.plans.plan is int64; give both the same type",
        ),
    ],
)
def test_each_column_of_a_key_is_looked_at_before_it_is_compared(
    checkout: Checkout, theirs: str, said: str
) -> None:
    of_plans(checkout, theirs)
    name = theirs.split(",")[0].removeprefix("name: ")
    write(checkout.root, "silver.plans", {"id": [1], name: ["a" if name == "title" else 7]})
    with pytest.raises(GateError, match=re.escape(said)):
        write(checkout.root, "silver.visits", {"id": [1], "plan": ["a"]})


def test_a_key_of_several_columns_sets_rows_aside(tmp_path: Path) -> None:
    (tmp_path / "lakebook.toml").touch()
    checkout = Checkout(tmp_path)
    of_plans(checkout, f"name: plan, {TEXT}")
    write(tmp_path, "silver.plans", {"id": [1, 2, 3], "plan": ["a", "b", None]})
    rows = {"id": [1, 2, 3, 4], "plan": ["a", "a", None, "a"]}
    context = write(tmp_path, "silver.visits", rows)

    (output,) = context.outcome.outputs
    (check,) = context.outcome.checks
    assert (check["unexpected"], check["evaluated"]) == (2, 3)
    assert (output.rows_published, output.rows_quarantined) == (2, 2)


def test_data_docs_of_classified_columns_say_why_there_are_none(checkout: Checkout) -> None:
    from lakebook.run.data_docs import render_data_docs

    checkout.contract(
        "silver.people", f"      - {{name: ssn, {TEXT}, classification: restricted}}\n", time=False
    )
    checkout.notebook(
        "silver.people", ["from lakebook import Step", 'step = Step("silver.people")'], time=False
    )
    with pytest.raises(UserError, match=r"no Data Docs of silver\.people: .* ssn is classified"):
        render_data_docs(load_settings(checkout.root), Dataset.parse("silver.people"))
