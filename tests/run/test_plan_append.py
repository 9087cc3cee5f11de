"""When an appended step is due: its log holds more than was committed."""

from __future__ import annotations

import journal_source
import pytest
from small_checkout import Checkout
from small_lake import SmallLake

from lakebook.errors import SourceError
from lakebook.graph import load_graph
from lakebook.names import Dataset
from lakebook.run.plan import Planner, StepPlan
from lakebook.settings import load_settings


def plan(lake: SmallLake, *, force: bool = False) -> StepPlan:
    settings = load_settings(lake.root, env=lake.env)
    graph = load_graph(settings)
    return Planner(settings, graph, None, force=force).plan_step(
        graph.steps[Dataset.parse(lake.step)]
    )


@pytest.fixture
def lake(tmp_path, monkeypatch):
    journal_source.install(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    lake = SmallLake(tmp_path)
    lake.contract("append")
    Checkout(tmp_path).notebook(
        lake.step,
        [
            f'from lakebook import Step\nstep = Step("{lake.step}")',
            'step.write(step.ingest("journal://orders"))',
        ],
        time=False,
    )
    return lake


def append(lake: SmallLake) -> None:
    step = lake.open(None, None)
    step.write(step.ingest("journal://orders"))


def test_it_is_due_as_long_as_the_log_holds_more(lake):
    (tmp := lake.root / "orders.journal").write_text('[1, "2013-01-01", 10]\n')
    assert plan(lake).reasons == {"*": "journal://orders has 1 new"}
    assert plan(lake).pieces() == (None,), "it has no interval"
    append(lake)
    assert (plan(lake).stale, plan(lake).fresh) == ((), ("*",))
    assert plan(lake, force=True).stale == (), "nothing is ever made again"
    with tmp.open("a") as file:
        file.write('[2, "2013-01-02", 20]\n[3, "2013-01-01", 30]\n')
    assert plan(lake).reasons == {"*": "journal://orders has 2 new"}


def test_an_environment_reads_what_prod_has(lake):
    (lake.root / "orders.journal").write_text('[1, "2013-01-01", 10]\n')
    lake.env = "ana"
    assert plan(lake).stale == ()


def test_a_log_that_was_made_anew_is_an_error_before_anything_runs(lake):
    (lake.root / "orders.journal").write_text('[1, "2013-01-01", 10]\n')
    append(lake)
    (lake.root / "orders.journal").write_text("")
    with pytest.raises(SourceError, match="it is not the log that it was"):
        plan(lake)
