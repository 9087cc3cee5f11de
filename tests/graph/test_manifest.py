"""dbt's models are edges and code of the steps that build them."""

from __future__ import annotations

import shutil
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
    key = next(key for key, one in nodes.items() if one["name"] == "mart")
    digests: dict[str, str] = slim(raw, variables)["digests"]
    return digests[key]


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
    assert {m.name for m in manifest.choose("marts", where="x").models} == {"dim", "mart"}
    with pytest.raises(GraphError, match=r"selects no model \(did you mean 'mart'\?\)"):
        manifest.choose("martt", where="x")

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
    assert load_manifest(checkout.settings).nodes.by_id == {}


def test_an_ephemeral_model_is_part_of_the_models_that_use_it() -> None:
    nodes = {
        "e": node("e", config={"materialized": "ephemeral"}, depends_on=needs("s")),
        "m": node("mart", depends_on=needs("e")),
    }
    changed = {**nodes, "e": {**nodes["e"], "raw_code": "select 2"}}

    assert digest(changed, {}) != digest(nodes, {})


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


@pytest.mark.parametrize(
    "code",
    [
        "{{ apply(late) }}",  # passed on by its name
        "{% set f = late %}{{ f() }}",
        "{{ adapter.dispatch('late', 'tiny')() }}",
        "{{ context['la' ~ 'te']() }}",
        "{{ adapter.dispatch(name)() }}",
    ],
)
def test_a_macro_that_is_not_called_by_its_name_is_code_of_a_model_too(code: str) -> None:
    nodes = {"m": node("mart", raw_code=code)}

    for name in ("late", "default__late"):
        key = f"macro.tiny.{name}"
        assert digest(nodes, {key: "a"}) != digest(nodes, {key: "b"})
    other = {"macro.tiny.other": "a"}, {"macro.tiny.other": "b"}
    is_computed = "~" in code or "(name)" in code
    assert (digest(nodes, other[0]) != digest(nodes, other[1])) == is_computed


def test_a_macro_is_found_in_the_text_of_another() -> None:
    nodes = {"m": node("mart", depends_on=needs(macros=("macro.tiny.outer",)))}
    macros = {"macro.tiny.outer": "{{ apply(inner) }}", "macro.tiny.inner": "1"}

    assert digest(nodes, macros) != digest(nodes, {**macros, "macro.tiny.inner": "2"})


def test_a_test_is_what_it_asks_and_how_strictly() -> None:
    base = node("t", "test", test_metadata={"name": "not_null", "kwargs": {"column_name": "id"}})

    def of(**over: Any) -> str:
        raw = {"nodes": {"t": {**base, **over}}, "sources": {}, "macros": {}}
        digests: dict[str, str] = slim(raw, None)["digests"]
        return digests["t"]

    other = {"name": "not_null", "kwargs": {"column_name": "n"}}
    changes: list[dict[str, Any]] = [
        {"test_metadata": other},
        {"config": {**base["config"], "severity": "warn"}},
        {"raw_code": "select 2"},
    ]
    assert len({of(), *(of(**change) for change in changes)}) == 1 + len(changes)
    assert of(description="other words") == of()


def test_a_seed_too_large_for_dbt_is_known_by_its_rows(tmp_path: Path) -> None:
    rows = tmp_path / "seed.csv"
    seed = node("seed", "seed", checksum={"name": "path", "checksum": "seed.csv"},
                root_path=str(tmp_path), original_file_path="seed.csv")  # fmt: skip
    nodes = {"seed": seed, "m": node("mart", depends_on=needs("seed"))}

    rows.write_text("id\n1\n")
    before = digest(nodes, {})
    rows.write_text("id\n2\n")
    assert digest(nodes, {}) != before


def test_a_constraint_is_code_of_a_model() -> None:
    positive = {"type": "check", "expression": "n > 0"}
    nodes = {"m": node("mart", columns={"n": {"name": "n", "constraints": [positive]}})}

    assert digest(nodes, {}) != digest({"m": node("mart")}, {})


@pytest.mark.parametrize(
    "node_of",
    [
        node("mart", raw_code="{{ var ('late_min') }}"),
        node("mart", raw_code="{% set get = var %}{{ get('late_min') }}"),
        node("mart", config={"materialized": "table", "pre-hook": [{"sql": "{{ var('x') }}"}]}),
        node("mart", "test", test_metadata={"name": "more", "kwargs": {"n": "{{ var('x') }}"}}),
    ],
)
def test_a_variable_counts_however_it_is_asked_for(node_of: dict[str, Any]) -> None:
    nodes = {"m": node_of}

    assert digest(nodes, {}, {"late_min": 15}) != digest(nodes, {}, {"late_min": 30})


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        ("config.meta_get('late')", "meta"),
        ("model.config.meta.late", "meta"),
        ("'x' in config.get('tags')", "tags"),
        ("model.columns", "columns"),
        ("model['columns']", "columns"),
    ],
)
def test_what_describes_a_model_is_its_code_where_jinja_asks_for_it(ask: str, name: str) -> None:
    def of(text: str, given: Any) -> str:
        config = {"materialized": "table"}
        over = {"columns": given} if name == "columns" else {"config": {**config, name: given}}
        deep = needs(macros=("macro.tiny.asks",))
        return digest({"m": node("mart", depends_on=deep, **over)}, {"macro.tiny.asks": text})

    one, other = {"late": {"meta": 1}}, {"late": {"meta": 2}}
    assert of(f"{{{{ {ask} }}}}", one) != of(f"{{{{ {ask} }}}}", other)
    assert of("{{ other }}", one) == of("{{ other }}", other)


def test_what_runs_before_all_models_is_code_of_each() -> None:
    def of(code: str, tag: str = "on-run-start") -> str:
        hook = node("hook", "operation", raw_code=code, tags=[tag])
        return digest({"m": node("mart"), "o": hook}, {})

    assert of("create macro f(x) as x") != of("create macro f(x) as 2 * x")
    assert of("select 1", "on-run-end") == of("select 2", "on-run-end")


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


def step_tests(checkout: Checkout) -> dict[str, tuple[str, list[str]]]:
    """Step -> the digest of its dbt tests, and what it reads."""
    return {
        str(name): (step.tests_hash, sorted(str(read.dataset) for read in step.reads))
        for name, step in checkout.graph().steps.items()
    }


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_dbt_tests_are_part_of_the_step_that_runs_them(checkout: Checkout) -> None:
    test = "models: [{name: mart, columns: [{name: id, data_tests: [%s]}]}]\n"
    refers = "{relationships: {arguments: {to: \"ref('dim')\", field: id}}}"
    alone = {"models/marts/mart.sql": "select * from {{ source('silver', 'b') }}\n"}
    write(checkout.root, {**FILES, **alone})
    checkout.step("silver.b")
    checkout.step("gold.dim", 'step.dbt("dim")').step("gold.mart", 'step.dbt("mart")')

    seen = [step_tests(checkout)]
    for given in (["not_null"], ["not_null", refers], [refers]):
        write(checkout.root, {"models/marts/m.yml": test % ", ".join(given)})
        seen.append(step_tests(checkout))
    (checkout.root / "dbt" / "models" / "marts" / "m.yml").unlink()
    seen.append(step_tests(checkout))

    assert seen[0] == seen[-1] and seen[0]["gold.mart"] == ("", ["silver.b"])
    assert len({one["gold.mart"][0] for one in seen}) == 4
    assert [one["gold.mart"][1] for one in seen[1:4]] == [
        ["silver.b"],
        ["gold.dim", "silver.b"],
        ["gold.dim", "silver.b"],
    ]
    assert {one["gold.dim"] for one in map(_frozen, seen)} == {("", ("silver.b",))}


def _frozen(seen: dict[str, tuple[str, list[str]]]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {name: (tests, tuple(reads)) for name, (tests, reads) in seen.items()}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_macro_of_a_local_package_is_code_of_what_uses_it(checkout: Checkout) -> None:
    macro = checkout.root / "shared" / "macros" / "late.sql"
    macro.parent.mkdir(parents=True)
    (checkout.root / "shared" / "dbt_project.yml").write_text("name: shared\nversion: '1.0'\n")
    uses = "select * from {{ source('silver', 'b') }} where {{ shared.later() }}\n"
    files = {
        **FILES,
        "models/marts/mart.sql": uses,
        "packages.yml": "packages: [{local: ../shared}]\n",
    }
    write(checkout.root, files)
    installed = checkout.root / "dbt" / "dbt_packages"
    installed.mkdir()
    (installed / "shared").symlink_to(checkout.root / "shared")
    checkout.step("silver.b").step("gold.mart", 'step.dbt("mart")').step(
        "gold.dim", 'step.dbt("dim")'
    )

    def look() -> tuple[str, str, str]:
        steps = checkout.graph().steps
        sql = {row["name"]: row["sql"] for row in compiled(checkout.settings)["models"]}
        return (*(steps[Dataset("gold", n)].models_hash for n in ("mart", "dim")), sql["mart"])  # type: ignore[return-value]

    macro.write_text("{% macro later() %} id > 1 {% endmacro %}")
    before = look()
    macro.write_text("{% macro later() %} id > 2 {% endmacro %}")
    after = look()
    assert before[0] != after[0] and before[1] == after[1]
    assert "id > 2" in after[2]

    (installed / "shared").unlink()
    shutil.copytree(checkout.root / "shared", installed / "shared")
    assert look() == after
    macro.write_text("{% macro later() %} id > 3 {% endmacro %}")
    with pytest.raises(GraphError, match=r"packages\.yml: dbt/dbt_packages/shared is an old copy"):
        checkout.graph()
