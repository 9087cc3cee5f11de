"""What `plan --explain` says in a person's environment of partitions that prod made."""

from __future__ import annotations

import pytest
from small_checkout import EVENTS, Checkout

from lakebook.graph import load_graph
from lakebook.intervals import Interval
from lakebook.names import PROD, Dataset
from lakebook.run.plan import REMADE, Planner, StepPlan, making_path
from lakebook.run.single import run_once
from lakebook.settings import Settings, load_settings

BRONZE, SILVER = Dataset.parse("bronze.events"), Dataset.parse("silver.events")
DAYS = Interval.parse("2013-01-01", "2013-01-04")


def settings_of(checkout: Checkout, env: str) -> Settings:
    return load_settings(checkout.root, env=env, environ={})


def planned(checkout: Checkout, step: Dataset, env: str) -> StepPlan:
    settings = settings_of(checkout, env)
    graph = load_graph(settings)
    return next(
        p for p in Planner(settings, graph, DAYS).plan(graph.order()) if p.node.name == step
    )


def run(checkout: Checkout, step: Dataset, env: str = PROD) -> None:
    plan = planned(checkout, step, env)
    assert run_once(settings_of(checkout, env), plan.node, DAYS, plan.static).status == "ok"


@pytest.fixture
def made(checkout: Checkout) -> Checkout:
    """Both steps as prod made them, seen by the environment `ana`."""
    for step in (BRONZE, SILVER):
        run(checkout, step)
        assert not planned(checkout, step, "ana").stale
    return checkout


def change_code(checkout: Checkout) -> None:
    path = checkout.root / "notebooks" / "silver" / "events.ipynb"
    text = path.read_text()
    assert "step.write(" in text
    path.write_text(text.replace("step.write(", "more = 1\\nstep.write(", 1))


def test_what_differs_from_prods_making_is_named(made: Checkout) -> None:
    change_code(made)

    plan = planned(made, SILVER, "ana")
    assert plan.stale == DAYS.partitions("day")
    assert set(plan.reasons.values()) == {"changed: code"}
    assert plan.reasons == planned(made, SILVER, PROD).reasons


def test_what_the_environment_made_itself_is_compared_with_its_own_making(made: Checkout) -> None:
    change_code(made)
    run(made, SILVER, "ana")
    assert not planned(made, SILVER, "ana").stale

    made.source(EVENTS.replace("1,2013-01-01T10:00:00Z,10", "1,2013-01-01T10:00:00Z,11"))
    run(made, BRONZE, "ana")
    reasons = planned(made, SILVER, "ana").reasons
    assert reasons["2013-01-01"] == "changed: data of bronze.events/2013-01-01"


def test_what_prod_made_again_since_is_not_told_by_its_newer_making(made: Checkout) -> None:
    made.source(EVENTS.replace("1,2013-01-01T10:00:00Z,10", "1,2013-01-01T10:00:00Z,11"))
    for step in (BRONZE, SILVER):
        run(made, step)
    change_code(made)

    assert planned(made, SILVER, "ana").reasons == {
        "2013-01-01": REMADE,
        "2013-01-02": "changed: code",
        "2013-01-03": "changed: code",
    }


def test_without_a_record_nothing_is_made_up(made: Checkout) -> None:
    making_path(settings_of(made, PROD), SILVER).unlink()
    change_code(made)

    (reason,) = set(planned(made, SILVER, "ana").reasons.values())
    assert reason == "made outside a run, or before its making was recorded"
