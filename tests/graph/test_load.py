"""A checkout becomes one consistent graph, fast, or an error says what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from counted import calls_of

from lakebook.errors import GraphError, UserError
from lakebook.names import Dataset

from .conftest import Checkout, reference


def names(steps: object) -> list[str]:
    return [str(node.name) for node in steps]  # type: ignore[attr-defined]


def test_steps_come_after_what_they_read(chain: Checkout) -> None:
    graph = chain.graph()

    assert names(graph.order()) == ["bronze.a", "silver.b", "gold.c", "gold.d"]
    assert graph.upstream(Dataset("gold", "c")) == {Dataset("silver", "b")}
    assert graph.downstream(Dataset("silver", "b")) == {Dataset("gold", "c"), Dataset("gold", "d")}
    assert graph.producer(Dataset("silver", "b")).sources == ()
    assert graph.producer(Dataset("bronze", "a")).sources == ("file://a.csv",)


def test_a_reference_orders_steps(checkout: Checkout) -> None:
    checkout.step("silver.a").step("silver.z")
    checkout.contract("silver.a", extra=reference("z.id"))

    assert names(checkout.graph().order()) == ["silver.z", "silver.a"]


def test_one_notebook_may_write_several_tables(checkout: Checkout) -> None:
    checkout.step("gold.marts", "step.write(f, table='gold.x')").contract("gold.marts", ["x", "y"])
    graph = checkout.graph()

    assert graph.producer(Dataset("gold", "y")).name == Dataset("gold", "marts")


def test_an_unknown_input_is_an_error_with_the_nearest_name(chain: Checkout) -> None:
    chain.step("gold.c", 'step.read("silver.bb")')

    with pytest.raises(GraphError) as raised:
        chain.graph()
    assert str(raised.value) == (
        "notebooks/gold/c.ipynb, cell 2: gold.c reads silver.bb, which no step writes (did you "
        "mean 'silver.b'?); correct the name, or make the step: lakebook new silver.bb"
    )


def test_a_circle_is_shown(chain: Checkout) -> None:
    chain.step("bronze.a", 'step.read("gold.c")')

    with pytest.raises(GraphError, match=r"in a circle: .*gold\.c.* take one of these"):
        chain.graph()


def test_a_step_does_not_read_itself(chain: Checkout) -> None:
    chain.step("gold.c", 'step.read("gold.c")')

    with pytest.raises(GraphError, match=r"in a circle: gold\.c -> gold\.c"):
        chain.graph()


def test_two_writers_of_one_dataset_are_named(chain: Checkout) -> None:
    chain.contract("gold.d", ["d", "c"])

    with pytest.raises(GraphError, match=r"two steps write gold\.c: gold\.c and gold\.d; let one"):
        chain.graph()


def test_a_notebook_without_contract_is_an_error(checkout: Checkout) -> None:
    checkout.step("silver.b", contract=False)

    with pytest.raises(GraphError, match=r"silver/b\.ipynb: .* no contract b\.contract\.yaml"):
        checkout.graph()


def test_a_contract_without_notebook_is_an_error(checkout: Checkout) -> None:
    checkout.contract("silver.b")

    with pytest.raises(GraphError, match=r"silver/b\.contract\.yaml: .* no notebook b\.ipynb"):
        checkout.graph()


def test_a_notebook_that_says_another_name_is_an_error(checkout: Checkout) -> None:
    checkout.notebook("silver.b", 'step = Step("silver.c")').contract("silver.b")

    with pytest.raises(GraphError, match=r'write Step\("silver\.b"\), or rename'):
        checkout.graph()


def test_a_write_that_no_contract_promises_is_an_error(checkout: Checkout) -> None:
    checkout.step("silver.b", "step.write(f, table='silver.x')")

    with pytest.raises(GraphError, match=r"writes silver\.x, which its contract does not promise"):
        checkout.graph()


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("zz.id", r"b\.contract\.yaml:18: silver\.b refers to silver\.zz, which no step writes"),
        ("z.idd", r"refers to silver\.z\.idd, which is no column \(did you mean 'id'\?\)"),
        ("bronze.s.id", r"silver\.b\.id is int64 and refers to bronze\.s\.id, which is string"),
    ],
)
def test_a_reference_to_nothing_is_an_error(checkout: Checkout, to: str, said: str) -> None:
    checkout.step("silver.b").step("silver.z").step("bronze.s")
    checkout.contract("silver.b", extra=reference(to))
    path = checkout.root / "notebooks/bronze/s.contract.yaml"
    text = path.read_text().replace("int64", "string").replace("integer", "string")
    path.write_text(text)

    with pytest.raises(GraphError, match=said):
        checkout.graph()


def test_an_unknown_dataset_is_asked_back(chain: Checkout) -> None:
    with pytest.raises(UserError, match=r"no dataset silver\.bb \(did you mean 'silver\.b'\?\)"):
        chain.graph().producer(Dataset("silver", "bb"))


def test_a_file_that_is_no_notebook_is_named(checkout: Checkout) -> None:
    checkout.step("silver.b")
    (checkout.root / "notebooks/silver/b.ipynb").write_text("{", encoding="utf-8")

    with pytest.raises(GraphError, match=r"silver/b\.ipynb: not a notebook"):
        checkout.graph()


def test_an_edited_notebook_is_read_again(chain: Checkout) -> None:
    before = chain.graph()
    chain.step("gold.d", 'step.write(step.read("bronze.a"))')
    after = chain.graph()

    assert before.upstream(Dataset("gold", "d")) == {Dataset("silver", "b")}
    assert after.upstream(Dataset("gold", "d")) == {Dataset("bronze", "a")}


def test_a_remembered_graph_of_twenty_steps_is_quick_and_light(checkout: Checkout) -> None:
    checkout.step("bronze.s0", 'step.ingest("file://a.csv")')
    for i in range(1, 20):
        checkout.step(f"bronze.s{i}", f'step.write(step.read("bronze.s{i - 1}"))')
    checkout.graph()

    assert len(checkout.graph().steps) == 20
    assert calls_of(checkout.graph) < 40_000
    code = (
        "import sys; from pathlib import Path; from lakebook.graph import load_graph; "
        "from lakebook.settings import load_settings; "
        f"load_graph(load_settings(Path({str(checkout.root)!r}), environ={{}})); "
        "print([m for m in ('polars', 'narwhals', 'pyarrow', 'dbt', 'great_expectations', "
        "'jsonschema', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_step_cannot_write_one_table_with_time_and_one_without(checkout: Checkout) -> None:
    checkout.step("silver.b")
    path = checkout.root / "notebooks/silver/b.contract.yaml"
    checkout.contract("silver.b", ["b", "c"])
    assert len(checkout.graph().steps) == 1
    text = path.read_text().replace(
        "    physicalType: table\n",
        "    physicalType: table\n    customProperties:\n"
        "      - {property: timeColumn, value: day}\n"
        "      - {property: timeZone, value: UTC}\n"
        "      - {property: partitionUnit, value: day}\n",
        1,
    )
    day = "      - {name: day, logicalType: date, physicalType: date}\n"
    path.write_text(text.replace("    properties:\n", f"    properties:\n{day}", 1))
    with pytest.raises(GraphError, match=r"silver\.b has a time column and silver\.c has none"):
        checkout.graph()
