"""What a dbt selection builds, tests and reads, and what is refused with its way out."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from lakebook.errors import GraphError
from lakebook.names import Dataset
from lakebook.step.dbt_nodes import Node
from lakebook.step.dbt_selection import Nodes, Reading


def model(name: str, *parents: str, **over: Any) -> Node:
    given: dict[str, Any] = {"materialized": "lakebook", **over}
    return Node(
        f"model.p.{name}", "model", name, ("p", "marts", name), f"models/{name}.sql",
        tuple(parents), relation=("gold", name), **given,
    )  # fmt: skip


def source(name: str, layer: str = "silver", schema: str = "", identifier: str = "") -> Node:
    return Node(
        f"source.p.{layer}.{name}", "source", name, ("p", layer, name), "models/s.yml",
        relation=(schema or layer, identifier or name), source=layer,
    )  # fmt: skip


def seed(name: str) -> Node:
    return Node(f"seed.p.{name}", "seed", name, ("p", name), f"seeds/{name}.csv")


def check(name: str, *parents: str, **over: Any) -> Node:
    return Node(f"test.p.{name}", "test", name, ("p", name), "models/m.yml", tuple(parents), **over)


def nodes(*given: Node) -> Nodes:
    return Nodes({node.id: node for node in given})


def m(name: str) -> str:
    return f"model.p.{name}"


S = "source.p.silver.b"


def ran(project: Nodes, selection: str) -> set[str]:
    return {test.name for test in project.choose(selection).tests}


def test_an_unreffed_reference_runs_at_its_model_and_is_read_whole() -> None:
    project = nodes(
        source("b"), model("fct", S), model("dim", S),
        check("t", m("dim"), m("fct"), attached=m("fct"), to="dim"),
    )  # fmt: skip

    chosen = project.choose("fct")
    assert [test.name for test in chosen.tests] == ["t"]
    assert chosen.references == (Reading(Dataset("gold", "dim"), ("gold", "dim"), whole=True),)
    assert ran(project, "dim") == set()


def test_a_reference_to_what_models_read_too_is_seen_whole_by_the_test_alone() -> None:
    project = nodes(
        source("b"), model("dim", S), model("fct", S, m("dim")),
        check("t", m("dim"), m("fct"), attached=m("fct"), to="dim"),
    )  # fmt: skip

    chosen = project.choose("fct")
    dim = Reading(Dataset("gold", "dim"), ("gold", "dim"))
    assert dim in chosen.reads
    assert chosen.references == (Reading(dim.dataset, dim.relation, whole=True),)


def test_a_test_that_needs_a_model_further_down_runs_there() -> None:
    project = nodes(
        source("b"), model("up", S), model("down", m("up")),
        check("t", m("up"), m("down"), attached=m("up"), to="down"),
    )  # fmt: skip

    assert ran(project, "up") == set()
    assert ran(project, "down") == {"t"}


def test_two_tests_that_look_at_each_other_make_no_circle() -> None:
    project = nodes(
        source("b"), model("x", S), model("y", S),
        check("t1", m("x"), m("y"), attached=m("x"), to="y"),
        check("t2", m("x"), m("y"), attached=m("y"), to="x"),
    )  # fmt: skip

    assert ran(project, "x") == {"t1", "t2"}
    assert ran(project, "y") == set()


def test_tests_of_sources_and_seeds_run_with_the_models_that_read_them() -> None:
    project = nodes(
        source("b"), source("c"), seed("codes"),
        model("part", "seed.p.codes", materialized="ephemeral"),
        model("x", S), model("y", m("part")),
        check("of_b", S), check("of_codes", "seed.p.codes"), check("of_part", m("part")),
        check("of_c", "source.p.silver.c"),
    )  # fmt: skip

    assert ran(project, "x") == {"of_b"}
    assert ran(project, "y") == {"of_codes", "of_part"}
    assert [seed.name for seed in project.choose("y").seeds] == ["codes"]
    assert [test.name for test in project.unrun_tests(["x", "y"])] == ["of_c"]
    assert [test.name for test in project.unrun_tests(["y"])] == ["of_b", "of_c"]


def test_a_singular_test_reads_what_no_model_of_it_reads() -> None:
    project = nodes(
        source("b"), source("c"), model("x", S), check("t", m("x"), "source.p.silver.c")
    )

    chosen = project.choose("x")
    assert chosen.references == (Reading(Dataset("silver", "c"), ("silver", "c"), whole=True),)
    compared = nodes(
        *project.by_id.values(), check("t", m("x"), "source.p.silver.c", compares=True)
    )
    assert [read.whole for read in compared.choose("x").references] == [False]


def test_every_test_that_names_a_model_is_run_once_and_makes_no_circle() -> None:
    draw = random.Random(20130101)
    for _ in range(200):
        names = [f"m{i}" for i in range(draw.randint(2, 6))]
        models = [
            model(name, S, *(m(other) for other in names[:at] if draw.random() < 0.3))
            for at, name in enumerate(names)
        ]
        checks = []
        for at in range(draw.randint(1, 6)):
            parents = draw.sample(names, draw.randint(1, min(3, len(names))))
            attached = m(draw.choice(parents)) if draw.random() < 0.7 else ""
            checks.append(check(f"t{at}", *map(m, parents), attached=attached))
        project = nodes(source("b"), *models, *checks)
        by_model = {name: project.choose(name) for name in names}

        runs = [test.name for chosen in by_model.values() for test in chosen.tests]
        assert sorted(runs) == sorted(test.name for test in checks)
        edges = {
            name: {r.dataset.name for r in (*chosen.reads, *chosen.references)} & set(names)
            for name, chosen in by_model.items()
        }
        assert not any(name in _all(edges, name) for name in names)
        # Whatever is selected together, a test runs if the last of its models is there.
        some = draw.sample(names, draw.randint(1, len(names)))
        together = ran(project, " ".join(some))
        assert together == set(itertools.chain(*(ran(project, name) for name in some)))


def _all(edges: dict[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    todo = [*edges[name]]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += edges[one]
    return found


def test_an_ephemeral_model_is_no_dataset_and_what_it_reads_is_read() -> None:
    project = nodes(source("b"), model("e", S, materialized="ephemeral"), model("x", m("e")))

    assert [node.name for node in project.choose("marts").models] == ["x"]
    assert [read.dataset for read in project.choose("x").reads] == [Dataset("silver", "b")]
    with pytest.raises(
        GraphError, match=r"n\.ipynb: .*selects only e, which is ephemeral.*; select"
    ):
        project.choose("e", where="n.ipynb")


def test_versions_are_datasets_of_their_own() -> None:
    def version(number: int) -> Node:
        return Node(
            f"model.p.t.v{number}", "model", f"t_v{number}", ("p", "t", f"v{number}"), "m.sql",
            (S,), "lakebook", ("gold", f"t_v{number}"),
        )  # fmt: skip

    project = nodes(source("b"), version(1), version(2))
    assert [node.name for node in project.choose("t").models] == ["t_v1", "t_v2"]
    assert [node.dataset for node in project.choose("t.v2").models] == [Dataset("gold", "t_v2")]
    assert [node.name for node in project.choose("t_v1").models] == ["t_v1"]


REFUSED = [
    (
        model("x", materialized="incremental"),
        r"dbt/models/x\.sql: .*'incremental'.*; materialize it",
    ),
    (model("x", materialized="materialized_view"), "materialized as 'materialized_view'"),
    (model("x", language="python"), r"x\.sql: .* written in Python.*; write it in SQL"),
    (model("x", constraints=(("foreign_key", [], ""),)), "constraint of the kind foreign_key"),
]


@pytest.mark.parametrize(("node", "said"), REFUSED)
def test_what_is_not_run_is_refused_with_its_file_and_a_way_out(node: Node, said: str) -> None:
    with pytest.raises(GraphError, match=said):
        nodes(node).choose("x")
    with pytest.raises(GraphError, match=said):
        nodes(node, model("y", m("x"))).choose("y")


def test_snapshots_and_seeds_are_not_selected_nor_snapshots_read() -> None:
    snapshot = Node("snapshot.p.s", "snapshot", "s", ("p", "s"), "snapshots/s.sql")
    project = nodes(snapshot, seed("codes"), model("x", "snapshot.p.s"))

    with pytest.raises(GraphError, match=r"snapshots/s\.sql: the snapshot s is read, and Lakebook"):
        project.choose("x")
    with pytest.raises(GraphError, match=r"names the snapshot s, which is no model"):
        project.choose("s")
    with pytest.raises(
        GraphError, match=r"codes\.csv: .*names the seed codes.*; select the models"
    ):
        project.choose("codes")


def test_a_source_is_the_dataset_of_its_layer_by_its_name_or_its_schema() -> None:
    assert source("b").dataset == Dataset("silver", "b")
    assert source("b", "app", schema="bronze").dataset == Dataset("bronze", "b")
    assert source("b", schema="dev_silver").dataset == Dataset("silver", "b")
    with pytest.raises(GraphError, match=r"models/s\.yml: the source app\.b is no dataset.*; name"):
        nodes(source("b", "app"), model("x", "source.p.app.b")).choose("x")


def test_a_source_is_the_dataset_whose_rows_dbt_itself_would_read() -> None:
    assert source("b", identifier="c").dataset == Dataset("silver", "c")
    assert source("b", "silver", schema="bronze").dataset == Dataset("bronze", "b")
    assert source("b", "app", "silver", "c").dataset == Dataset("silver", "c")
