"""`--missing`: the days that were never made, between the first that there is and yesterday."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from small_checkout import COLUMNS, Checkout
from small_lake import SmallLake

from lakebook.errors import UserError
from lakebook.graph import load_graph
from lakebook.names import Dataset
from lakebook.run.missing import missing_days
from lakebook.settings import load_settings

DAY = "2013-01-{:02}".format


class Days(SmallLake):
    def made(self, *days: int) -> None:
        for day in days:
            self.write([(day, DAY(day), 1)], DAY(day), DAY(day + 1))

    def missing(self, *steps: str, today: str) -> tuple[str, str] | None:
        settings = load_settings(self.root, environ={})
        graph = load_graph(settings).whole()
        nodes = [graph.steps[Dataset.parse(step)] for step in steps]
        found = missing_days(settings, graph, nodes, date.fromisoformat(today))
        return None if found is None else (str(found.start), str(found.end))


@pytest.fixture
def lake(tmp_path: Path) -> Days:
    """bronze.events by day, and silver.events of it."""
    lake = Days(tmp_path, "bronze.events")
    lake.contract("replace")
    checkout = Checkout(tmp_path)
    checkout.contract("silver.events", COLUMNS)
    for step, made in [
        ("bronze.events", 'step.ingest("file://f.csv")'),
        ("silver.events", 'step.read("bronze.events")'),
    ]:
        cells = [
            f'from lakebook import Step\nstep = Step("{step}", start=start, end=end)',
            f"step.write({made})",
        ]
        checkout.notebook(step, cells)
    return lake


def test_days_between_the_first_and_yesterday(lake: Days) -> None:
    lake.made(3, 5, 6)
    assert lake.missing("bronze.events", today="2013-01-07") == ("2013-01-04", "2013-01-05")
    assert lake.missing("bronze.events", today="2013-01-09") == ("2013-01-04", "2013-01-09")
    lake.made(4)
    assert lake.missing("bronze.events", today="2013-01-07") is None
    assert lake.missing("bronze.events", today="2013-01-03") is None


def test_a_step_that_was_never_made_begins_with_what_it_is_made_of(lake: Days) -> None:
    lake.made(3, 4)
    assert lake.missing("silver.events", today="2013-01-05") == ("2013-01-03", "2013-01-05")
    lake.step = "silver.events"
    lake.made(4)
    assert lake.missing("silver.events", today="2013-01-05") is None
    both = lake.missing("bronze.events", "silver.events", today="2013-01-06")
    assert both == ("2013-01-05", "2013-01-06")


def test_a_month_that_is_not_over_is_not_missing(lake: Days) -> None:
    path = lake.root / "notebooks/bronze/events.contract.yaml"
    path.write_text(path.read_text().replace("value: day", "value: month"))
    lake.write([(1, "2013-01-01", 1)], "2013-01-01", "2013-02-01")
    assert lake.missing("bronze.events", today="2013-03-31") == ("2013-02-01", "2013-03-01")


def test_without_a_first_day_nothing_is_missing(lake: Days) -> None:
    with pytest.raises(UserError, match="so none is missing; begin with --start and --end"):
        lake.missing("bronze.events", today="2013-01-05")


@pytest.mark.slow
def test_commands_take_them_and_say_which(checkout: Checkout) -> None:
    checkout.run("bronze.events", end="2013-01-03")
    planned = checkout.lakebook("plan", "silver.events", "--missing")
    assert planned.returncode == 0, planned.stderr
    assert "note --missing: 2013-01-01 to " in planned.stderr and "both included" in planned.stderr
    refused = checkout.lakebook("plan", "--missing", "--days", "2013-01-01")
    assert refused.returncode == 2 and "--missing is given beside days" in refused.stderr
