"""A year of a dataset, and `Maintenance` on it as in a run: what it did is in `step.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "delta"))

from tiers.aged import Aged

from lakebook.ops import Maintenance
from lakebook.step.run_context import VARIABLE

Outcome = Callable[[], dict[str, Any]]


@pytest.fixture
def aged(tmp_path: Path) -> Aged:
    """`silver.events` with the months of 2013 in hot; hot for 60 d, warm until 180 d."""
    return Aged.year(tmp_path)


@pytest.fixture
def in_run(aged: Aged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Let what follows be a run of an environment; gives what it leaves for the record."""

    def begin(env: str = "prod") -> Outcome:
        out = tmp_path / "out"
        context = {"run_id": "run-1", "root": str(aged.root), "lake": str(aged.settings.lake)}
        given = json.dumps({**context, "env": env, "out": str(out)})
        (tmp_path / "context.json").write_text(given)
        monkeypatch.setenv(VARIABLE, str(tmp_path / "context.json"))
        return lambda: json.loads((out / "step.json").read_text())

    return begin


@pytest.fixture
def outcome(in_run: Callable[..., Outcome]) -> Outcome:
    """As in a run of prod."""
    return in_run()


def tier(**given: Any) -> Maintenance:
    """The tiering job at the end of the year, applied."""
    job = Maintenance("tiering", as_of="2014-01-01", **given)
    job.apply(job.plan())
    return job


@pytest.fixture
def in_tiers(outcome: Outcome) -> Maintenance:
    """January to June in cold, July to October in warm."""
    return tier()
