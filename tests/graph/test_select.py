"""Selectors choose steps, and `state:modified` those whose result could differ."""

from __future__ import annotations

import pytest

from lakebook.errors import UserError
from lakebook.graph import save_state, select

from .conftest import Checkout


def chosen(checkout: Checkout, *selectors: str) -> list[str]:
    steps = select(checkout.graph(), selectors, settings=checkout.settings).steps
    return [str(node.name) for node in steps]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("silver.b", ["silver.b"]),
        ("silver.b+", ["silver.b", "gold.c", "gold.d"]),
        ("+silver.b", ["bronze.a", "silver.b"]),
        ("+silver.b+", ["bronze.a", "silver.b", "gold.c", "gold.d"]),
        ("1+gold.c", ["silver.b", "gold.c"]),
        ("bronze.a+1", ["bronze.a", "silver.b"]),
        ("layer:gold", ["gold.c", "gold.d"]),
        ("tag:raw", ["bronze.a"]),
        ("tag:raw+1 gold.d", ["bronze.a", "silver.b", "gold.d"]),
        ("state:modified", ["bronze.a", "silver.b", "gold.c", "gold.d"]),
    ],
)
def test_a_selector_chooses_steps_in_order(
    chain: Checkout, selector: str, expected: list[str]
) -> None:
    assert chosen(chain, selector) == expected


def test_no_selector_is_all_and_several_are_a_union(chain: Checkout) -> None:
    assert len(chosen(chain)) == 4
    assert chosen(chain, "gold.d", "bronze.a") == ["bronze.a", "gold.d"]


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("silver.bb", "did you mean 'silver.b'"),
        ("layer:slver", "did you mean 'silver'"),
        ("tag:rav", "did you mean 'raw'"),
        ("tags:raw", "did you mean 'tag'"),
        ("state:new", "use state:modified"),
        ("+", "is not understood"),
        ("a++b", "is not understood"),
    ],
)
def test_a_selector_that_chooses_nothing_is_an_error(
    chain: Checkout, selector: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        chosen(chain, selector)


def test_an_edit_that_changes_nothing_selects_nothing(chain: Checkout) -> None:
    graph = chain.graph()
    save_state(chain.settings, graph, graph.steps)
    assert chosen(chain, "state:modified+") == []

    chain.step("silver.b", "# Words", 'step.write(  step.read("bronze.a")  )  # why')
    chain.contract("silver.b", purpose="Other words.")
    assert chosen(chain, "state:modified+") == []


def test_an_edit_of_code_selects_its_step_and_what_is_below(chain: Checkout) -> None:
    graph = chain.graph()
    save_state(chain.settings, graph, graph.steps)
    chain.step("silver.b", 'step.write(step.read("bronze.a").head(3))')

    assert chosen(chain, "state:modified") == ["silver.b"]
    assert chosen(chain, "state:modified+") == ["silver.b", "gold.c", "gold.d"]


def test_an_edit_of_a_schema_and_a_new_step_are_modifications(chain: Checkout) -> None:
    graph = chain.graph()
    save_state(chain.settings, graph, graph.steps)
    chain.contract("gold.c", type_="int32")
    chain.step("gold.e")

    assert set(chosen(chain, "state:modified")) == {"gold.c", "gold.e"}


def test_another_environment_has_a_state_of_its_own(chain: Checkout) -> None:
    from dataclasses import replace

    graph = chain.graph()
    save_state(chain.settings, graph, graph.steps)
    mine = replace(chain.settings, env="ana")

    assert len(select(graph, ["state:modified"], settings=mine).steps) == 4
