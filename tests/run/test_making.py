"""A new definition of fingerprints makes nothing stale: each is judged by its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.contract.fingerprint import DEFINITION
from lakebook.graph import load_graph
from lakebook.graph.state import digests_of, modified, save_state
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.run import making as makings
from lakebook.run.plan import Planner, StepPlan, making_path
from lakebook.run.static import static_parts
from lakebook.settings import load_settings
from lakebook.step import fingerprint

SILVER = Dataset.parse("silver.events")
DAYS = Interval.parse("2013-01-01", "2013-01-04")


def planned(checkout: Checkout) -> Mapping[str, StepPlan]:
    settings = load_settings(checkout.root, environ={})
    graph = load_graph(settings)
    return {str(p.node.name): p for p in Planner(settings, graph, DAYS).plan(graph.order())}


@pytest.fixture
def made_before(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A lake whose fingerprints are of the first definition, as `run` passes them to a kernel."""

    def first(*given: Any, **named: Any) -> dict[str, str]:
        return static_parts(*given, **{**named, "definition": 1})

    with monkeypatch.context() as patch:
        patch.setattr(makings, "static_parts", first)
        settings = load_settings(checkout.root, environ={})
        plans = planned(checkout)
        from lakebook.run.single import run_once

        for name in ("bronze.events", "silver.events"):
            plans = planned(checkout)
            done = run_once(settings, plans[name].node, DAYS, plans[name].static)
            assert done.status == "ok"
    return checkout


def test_what_an_older_definition_made_is_fresh(made_before: Checkout) -> None:
    assert [(p.stale, len(p.fresh)) for p in planned(made_before).values()] == [((), 3), ((), 3)]
    path = making_path(load_settings(made_before.root, environ={}), SILVER)
    assert "definition" not in json.loads(path.read_text())["2013-01-01"]["static"]


def test_a_change_is_still_seen_and_named_alone(made_before: Checkout) -> None:
    made_before.contract("silver.events", COLUMNS)  # without its rule
    silver = planned(made_before)["silver.events"]
    assert silver.stale == DAYS.partitions("day")
    assert set(silver.reasons.values()) == {"changed: contract"}


def test_today_s_definition_tells_itself_from_the_first(checkout: Checkout) -> None:
    settings = load_settings(checkout.root, environ={})
    node = load_graph(settings).steps[SILVER]
    now, before = static_parts(settings, node), static_parts(settings, node, definition=1)
    assert now == {**before, "definition": str(DEFINITION)}
    ours, theirs = (fingerprint.partition_fingerprint(s, "2013-01-01", ()) for s in (now, before))
    assert ours != theirs


def test_a_step_is_not_modified_for_a_new_definition(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(checkout.root, environ={})
    graph = load_graph(settings)
    with monkeypatch.context() as patch:
        patch.setattr("lakebook.graph.state.digests_of", lambda node: digests_of(node, 1))
        save_state(settings, graph, graph.steps)
    assert modified(settings, graph) == frozenset()


SCALED = 'start = "2013-01-01"\nend = "2013-01-02"\nfactor = 2\nlabel = None'


def planned_with(checkout: Checkout, **parameters: Any) -> StepPlan:
    settings = load_settings(checkout.root, environ={})
    graph = load_graph(settings)
    (found,) = Planner(settings, graph, DAYS, parameters).plan([graph.steps[SILVER]])
    return found


@pytest.fixture
def scaled(checkout: Checkout) -> Checkout:
    """silver.events with parameters, made as `run` makes it, without any given."""
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'import narwhals as nw\nevents = step.read("bronze.events")',
            'rows = events.select("id", "seen", nw.col("amount") * factor)',
            "step.write(rows)",
        ],
        parameters=SCALED,
    )
    from lakebook.run.single import run_once

    settings = load_settings(checkout.root, environ={})
    for name in ("bronze.events", "silver.events"):
        plan = planned(checkout)[name]
        assert run_once(settings, plan.node, DAYS, plan.static).status == "ok"
    return checkout


def test_what_the_notebook_says_anyway_makes_nothing_stale(scaled: Checkout) -> None:
    for same in ({}, {"factor": 2}, {"label": None}, {"factor": 2, "label": None}):
        assert planned_with(scaled, **same).stale == (), same
    for other in ({"factor": 3}, {"factor": 2.0}, {"factor": "2"}, {"label": ""}, {"label": 0}):
        assert planned_with(scaled, **other).stale == DAYS.partitions("day"), other


def test_what_was_made_when_every_given_parameter_counted_is_fresh(
    scaled: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakebook.run.single import run_once

    settings = load_settings(scaled.root, environ={})
    plan = planned_with(scaled)
    static = static_parts(settings, plan.node, {"factor": 2})
    assert static != plan.static
    done = run_once(settings, plan.node, DAYS, static, parameters={"factor": 2})
    assert done.status == "ok"
    assert planned_with(scaled, factor=2).stale == ()
    assert planned_with(scaled).stale == DAYS.partitions("day")  # nobody says that it is the same
