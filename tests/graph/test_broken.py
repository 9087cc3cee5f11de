"""A step that is broken stops itself and what hangs on it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakebook.graph import Graph, load_graph, select
from lakebook.names import Dataset

from .conftest import Checkout, reference

Break = Callable[[Path, str], None]


def write(suffix: str, text: str) -> Break:
    def change(folder: Path, name: str) -> None:
        (folder / f"{name}{suffix}").write_text(text)

    return change


def cell(line: str) -> Break:
    def change(folder: Path, name: str) -> None:
        path = folder / f"{name}.ipynb"
        raw = json.loads(path.read_text())
        raw["cells"].append({**raw["cells"][-1], "id": "more", "source": line})
        path.write_text(json.dumps(raw))

    return change


def edit(old: str, new: str) -> Break:
    def change(folder: Path, name: str) -> None:
        path = folder / f"{name}.contract.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def gone(suffix: str) -> Break:
    return lambda folder, name: (folder / f"{name}{suffix}").unlink()


BREAKS: dict[str, tuple[Break, str]] = {
    "no notebook": (write(".ipynb", "{"), "not a notebook"),
    "no text": (lambda f, n: (f / f"{n}.ipynb").write_bytes(b"\xff\xfe\x00"), "not a notebook"),
    "a folder": (
        lambda f, n: ((f / f"{n}.ipynb").unlink(), (f / f"{n}.ipynb").mkdir()),
        "cannot be read",
    ),
    "no Python": (cell("def"), "Python does not parse"),
    "an unknown read": (cell('step.read("silver.nobody")'), "no step writes"),
    "an unknown option": (cell('step.read("bronze.s0", befor=1)'), "has no option"),
    "an unknown write": (cell('step.write(f, table="silver.nobody")'), "does not promise"),
    "no dbt project": (cell('step.dbt("nobody")'), "selects no model"),
    "no contract": (gone(".contract.yaml"), "no contract"),
    "no notebook of it": (gone(".ipynb"), "has no notebook"),
    "no YAML": (write(".contract.yaml", "a: [\n"), "YAML"),
    "an unknown type": (edit("physicalType: int64", "physicalType: int65"), "int65"),
    "a misplaced key": (edit("schema:\n", "legalHold: true\nschema:\n"), "legalHold"),
    "a reference to nothing": (
        edit("        required: true\n", "        required: true\n" + reference("nobody.id")),
        "no step writes",
    ),
}


def build(root: Path, reads: list[set[int]]) -> Checkout:
    """Steps `silver.s0`, `silver.s1`, …, each of which reads some before it."""
    (root / "lakebook.toml").write_text("")
    made = Checkout(root)
    for at, above in enumerate(reads):
        lines = [f'step.read("silver.s{other}")' for other in sorted(above)]
        made.step(f"silver.s{at}", *lines, "step.write(f)")
    return made


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[set[int]], dict[int, str]]:
    size = draw(st.integers(2, 7))
    reads = [
        draw(st.sets(st.integers(0, max(at - 1, 0)), max_size=3)) if at else set()
        for at in range(size)
    ]
    broken = draw(
        st.dictionaries(st.integers(0, size - 1), st.sampled_from(sorted(BREAKS)), max_size=3)
    )
    return reads, broken


def held_by(reads: list[set[int]], broken: dict[int, str]) -> dict[int, set[int]]:
    """Those that are right, by the broken ones that are reached from them: by plain search."""
    found = {}
    for at in range(len(reads)):
        seen, todo = set(), [at]
        while todo:
            for other in (set() if (now := todo.pop()) in broken else reads[now]) - seen:
                seen.add(other)
                todo.append(other)
        if at not in broken and seen & set(broken):
            found[at] = seen & set(broken)
    return found


def numbers(names: object) -> set[int]:
    return {int(str(name).partition(".s")[2]) for name in names}  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=graphs())
def test_what_does_not_hang_on_a_broken_step_is_there(
    made: tuple[list[set[int]], dict[int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    reads, broken = made
    checkout = build(tmp_path_factory.mktemp("graph"), reads)
    for at, kind in broken.items():
        BREAKS[kind][0](checkout.root / "notebooks/silver", f"s{at}")
    graph = load_graph(checkout.settings)
    held = held_by(reads, broken)
    assert numbers(graph.broken) == set(broken)
    for at, kind in broken.items():
        assert BREAKS[kind][1] in graph.broken[Dataset("silver", f"s{at}")].problem.sentence
    assert {int(name.name[1:]): numbers(one.by) for name, one in graph.held.items()} == held
    assert numbers(graph.steps) == set(range(len(reads))) - set(broken) - set(held)
    order = [int(node.name.name[1:]) for node in graph.order()]
    assert all(order.index(other) < order.index(at) for at in order for other in reads[at])
    assert set(graph.names) == {Dataset("silver", f"s{at}") for at in range(len(reads))}


def named(things: object) -> list[str]:
    return [str(getattr(one, "name", None) or one.node.name) for one in things]  # type: ignore[attr-defined]


def broken_middle(chain: Checkout) -> Graph:
    BREAKS["no YAML"][0](chain.root / "notebooks/silver", "b")
    return load_graph(chain.settings)


def test_a_selection_says_what_of_it_is_broken_and_what_hangs_on_it(chain: Checkout) -> None:
    graph = broken_middle(chain.step("gold.e"))
    for selectors, steps, broken, held in [
        ([], ["bronze.a", "gold.e"], ["silver.b"], ["gold.c", "gold.d"]),
        (["gold.e"], ["gold.e"], [], []),
        (["layer:gold"], ["gold.e"], [], ["gold.c", "gold.d"]),
        (["+gold.c", "gold.e"], ["gold.e"], ["silver.b"], ["gold.c"]),
        (["silver.b"], [], ["silver.b"], []),
        (["tag:all"], ["gold.e"], [], ["gold.c", "gold.d"]),
        (["state:modified"], ["bronze.a", "gold.e"], ["silver.b"], ["gold.c", "gold.d"]),
    ]:
        found = select(graph, selectors, settings=chain.settings)
        assert (named(found.steps), named(found.broken), named(found.held)) == (
            steps,
            broken,
            held,
        ), selectors


def test_what_a_broken_contract_may_promise_is_no_unknown_name(checkout: Checkout) -> None:
    checkout.step("silver.two").contract("silver.two", ["x", "y"])
    checkout.step("gold.reads_y", 'step.write(step.read("silver.y"))')
    BREAKS["an unknown type"][0](checkout.root / "notebooks/silver", "two")
    graph = load_graph(checkout.settings)
    assert (named(graph.broken.values()), named(graph.held.values())) == (
        ["silver.two"],
        ["gold.reads_y"],
    )


def test_a_contract_in_json_is_read_for_names_too(checkout: Checkout) -> None:
    checkout.step("silver.two").step("gold.reads_y", 'step.write(step.read("silver.y"))')
    text = '{"kind": "DataContract", "schema": [{"name": "x"}, {"name" : "y"}]}'
    (checkout.root / "notebooks/silver/two.contract.yaml").write_text(text)
    assert named(load_graph(checkout.settings).held.values()) == ["gold.reads_y"]


def test_a_circle_and_two_writers_take_out_only_themselves(chain: Checkout) -> None:
    chain.step("gold.x", 'step.write(step.read("gold.y"))').step(
        "gold.y", 'step.write(step.read("gold.x"))'
    )
    chain.step("gold.z", 'step.write(step.read("gold.y"))')
    chain.step("silver.twin").contract("silver.twin", ["twin", "other"])
    chain.step("silver.other")
    graph = load_graph(chain.settings)
    assert sorted(named(graph.steps.values())) == ["bronze.a", "gold.c", "gold.d", "silver.b"]
    assert sorted(named(graph.broken.values())) == [
        "gold.x",
        "gold.y",
        "silver.other",
        "silver.twin",
    ]
    assert graph.held[Dataset("gold", "z")].by == (Dataset("gold", "y"),)


def test_a_copy_of_a_notebook_is_not_taken_for_it(chain: Checkout) -> None:
    """`b.old.ipynb` has the step's name before its first dot."""
    folder = chain.root / "notebooks/silver"
    for suffix in (".ipynb", ".contract.yaml"):
        text = (folder / f"b{suffix}").read_text()
        (folder / f"b.old{suffix}").write_text(text.replace("bronze.a", "bronze.nobody"))
    graph = load_graph(chain.settings)
    assert graph.steps[Dataset("silver", "b")].notebook.name == "b.ipynb"
    problem = graph.broken[Dataset("silver", "b.old")].problem
    assert "has a dot too many" in problem.sentence
    assert len(graph.steps) == 4
