"""dbt's models are edges and code of the steps that build them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakebook.errors import GraphError
from lakebook.graph.manifest import compiled, load_manifest, slim
from lakebook.names import Dataset

from .conftest import Checkout

FILES = {
    "dbt_project.yml": "name: tiny\nversion: '1.0'\nprofile: tiny\nvars: {late_min: 15}\n",
    "profiles.yml": (
        "tiny: {target: t, outputs: {t: {type: duckdb, path: ':memory:', schema: gold}}}\n"
    ),
    "models/sources.yml": "sources: [{name: silver, tables: [{name: b}]}]\n",
    "models/marts/dim.sql": "select * from {{ source('silver', 'b') }}\n",
    "models/marts/mart.sql": "select * from {{ ref('dim') }} where {{ late() }}\n",
    "macros/late.sql": "{% macro late() %} id > {{ var('late_min') }} {% endmacro %}\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "dbt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def node(name: str, kind: str = "model", **over: Any) -> dict[str, Any]:
    return {
        "name": name,
        "resource_type": kind,
        "fqn": ["tiny", name],
        "original_file_path": f"models/{name}.sql",
        "columns": {},
        "raw_code": "select 1",
        "config": {"materialized": "table"},
        "checksum": {"checksum": "1"},
        "depends_on": {"nodes": [], "macros": []},
        **over,
    }


def needs(*nodes: str, macros: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return {"nodes": list(nodes), "macros": list(macros)}


def digest(nodes: dict[str, Any], macros: dict[str, str], variables: Any = None) -> str:
    known = {
        name: {"package_name": "tiny", "macro_sql": text, "depends_on": {"macros": []}}
        for name, text in macros.items()
    }
    raw = {"nodes": nodes, "sources": {}, "macros": known}
    return next(m["digest"] for m in slim(raw, variables) if m["name"] == "mart")


@pytest.mark.timeout(240)
def test_a_project_is_parsed_once_and_gives_edges(checkout: Checkout) -> None:
    write(checkout.root, FILES)
    checkout.step("silver.b")
    checkout.step("gold.dim", 'step.dbt("dim")').step("gold.mart", 'step.dbt("marts.mart")')

    graph = checkout.graph()
    manifest = load_manifest(checkout.settings)

    assert [str(step.name) for step in graph.order()] == ["silver.b", "gold.dim", "gold.mart"]
    assert graph.producer(Dataset("gold", "mart")).models == ("mart",)
    assert graph.upstream(Dataset("gold", "mart")) == {Dataset("gold", "dim")}
    assert {m.name for m in manifest.select("marts", where="x")} == {"dim", "mart"}
    with pytest.raises(GraphError, match=r"selects no model \(did you mean 'mart'\?\)"):
        manifest.select("martt", where="x")

    checkout.step("gold.both", 'step.dbt("marts")')
    with pytest.raises(GraphError, match=r"the contract does not promise gold\.(dim|mart)"):
        checkout.graph()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_project_that_dbt_refuses_is_said_in_one_line(checkout: Checkout) -> None:
    write(checkout.root, {**FILES, "models/marts/mart.sql": "select * from {{ ref('dmi') }}\n"})
    checkout.step("gold.mart", 'step.dbt("mart")')

    with pytest.raises(GraphError, match=r"dbt: dbt cannot parse its project: .*dmi") as raised:
        checkout.graph()
    assert "\n" not in str(raised.value)


def test_without_a_project_there_is_no_model(checkout: Checkout) -> None:
    assert load_manifest(checkout.settings).models == {}


def test_an_ephemeral_model_is_part_of_the_models_that_use_it() -> None:
    nodes = {
        "e": node("e", config={"materialized": "ephemeral"}, depends_on=needs("s")),
        "m": node("mart", depends_on=needs("e")),
    }
    sources = {"s": {"resource_type": "source", "source_name": "silver", "name": "b"}}
    models = slim({"nodes": nodes, "sources": sources, "macros": {}}, None)

    assert [(m["name"], m["inputs"]) for m in models] == [("mart", ["silver.b"])]
    changed = {**nodes, "e": {**nodes["e"], "raw_code": "select 2"}}
    again = slim({"nodes": changed, "sources": sources, "macros": {}}, None)
    assert again[0]["digest"] != models[0]["digest"]


def test_a_macro_a_variable_and_a_seed_are_code_of_a_model() -> None:
    nodes = {
        "seed": node("seed", "seed"),
        "m": node("mart", depends_on=needs("seed", macros=("late",))),
    }
    macros = {"late": "{{ var('late_min') }}"}
    before = digest(nodes, macros, {"late_min": 15})
    other_seed = {**nodes, "seed": node("seed", "seed", checksum={"checksum": "2"})}

    assert digest(nodes, macros, {"late_min": 30}) != before
    assert digest(nodes, {"late": "{{ var('late_min') }} + 1"}, {"late_min": 15}) != before
    assert digest(other_seed, macros, {"late_min": 15}) != before


def test_a_variable_that_a_model_does_not_use_is_not_its_code() -> None:
    nodes = {"m": node("mart")}

    assert digest(nodes, {}, {"late_min": 15}) == digest(nodes, {}, {"late_min": 30})


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_variable_of_the_environment_changes_the_models_that_ask_for_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = "select * from {{ source('silver', 'b') }} where id > {{ env_var('LEAST', '1') }}\n"
    write(checkout.root, {**FILES, "models/marts/dim.sql": asks})
    checkout.step("silver.b")
    checkout.step("gold.dim", 'step.dbt("dim")').step("gold.mart", 'step.dbt("mart")')

    def hashes() -> list[str]:
        graph = checkout.graph()
        return [graph.steps[Dataset("gold", name)].models_hash for name in ("dim", "mart")]

    before = hashes()
    monkeypatch.setenv("LEAST", "2")
    after = hashes()
    assert before[0] != after[0] and before[1] == after[1]
    said = {row["name"]: row["sql"] for row in compiled(checkout.settings)["models"]}
    assert "id > 2" in said["dim"]
