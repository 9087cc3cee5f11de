"""Golden cases: `<step>/<case>/` holds the rows of each input and the rows that must come out.

`layer.name.csv` is an input table, `expected.csv` the step's own table, `expected.layer.name.csv`
another that it writes (a second output, a quarantine). `case.toml` says what the case shows, the
interval, and `count` where the expected rows are a sample of so many. Only the columns that a file
names are compared.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lakebook.intervals import Interval
from lakebook.names import Dataset

from .conftest import Lake, read_csv

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("*.*/*") if path.is_dir())


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.parent.name}/{c.name}") for c in CASES])
def test_a_step_makes_of_these_rows_those(case: Path, lake: Lake) -> None:
    step, told = Dataset.parse(case.parent.name), read_case(case)
    for file in sorted(case.glob("*.*.csv")):
        if not file.name.startswith("expected."):
            lake.put(Dataset.parse(file.stem), file)
    interval = Interval.parse(told["start"], told["end"]) if "start" in told else None

    result = lake.run(step, interval)

    assert (result.status, result.error) == ("ok", None)
    outputs = {step: case / "expected.csv"} if (case / "expected.csv").is_file() else {}
    for file in case.glob("expected.*.*.csv"):
        outputs[Dataset.parse(file.stem.removeprefix("expected."))] = file
    assert outputs, "a case without expected rows shows nothing"
    for dataset, file in outputs.items():
        header, *rows = read_csv(file)
        found = lake.rows(dataset, header)
        if dataset == step and "count" in told:
            assert len(found) == told["count"]
            found = [row for row in found if list(row) in rows]
        assert sorted(found) == sorted(map(tuple, rows)), f"{dataset}: {told['says']}"


def test_every_silver_and_gold_step_has_a_case() -> None:
    notebooks = HERE.parents[1] / "notebooks"
    steps = {f"{p.parent.name}.{p.stem}" for p in notebooks.glob("*/*.ipynb")}
    assert {s for s in steps if s.startswith(("silver.", "gold."))} == {
        c.parent.name for c in CASES
    }


def read_case(case: Path) -> dict[str, Any]:
    told = tomllib.loads((case / "case.toml").read_text(encoding="utf-8"))
    assert told.keys() <= {"says", "start", "end", "count"} and told["says"]
    return told
