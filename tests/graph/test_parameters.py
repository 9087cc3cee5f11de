"""Which values a cell of parameters is known to have."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from lakebook.graph.parameters import defaults_of, other_than_default


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("a = 1\nb = 'x'\nc = None\nd = [1, 'y']\ne = {'k': -1.5}\nf = True", "abcdef"),
        ("a: int = 1\nb: int", "a"),
        ("a = b = 2", "ab"),
        ("a = 1\na = 2", ""),  # which one counts is for whoever reads the whole cell
        ("a = 1\na += 1", ""),
        ("a = 1\nfor a in range(3): pass", ""),
        ("a = 1\ndel a", ""),
        ("a = 1 + 1\nb = print\nc = f'{1}'\nd = open('x')", ""),
        ("a = (1, 2)\nb = {1, 2}\nc = b'x'\nd = {1: 2}\ne = 1e999\nf = [(1,)]", ""),
        ("start = '2013-01-01'\nend = '2013-01-02'", ""),
        ("a, b = 1, 2", ""),
    ],
)
def test_what_is_written_out_is_known(cell: str, known: str) -> None:
    assert "".join(defaults_of([ast.parse(cell)])) == known


def test_of_two_cells_nothing_is_known() -> None:
    assert defaults_of([ast.parse("a = 1"), ast.parse("b = 1")]) == {}


@pytest.mark.parametrize(
    ("given", "others"),
    [
        ({"a": 1}, {}),
        ({"a": True}, {"a": True}),
        ({"a": 1.0}, {"a": 1.0}),
        ({"l": [1, 0.0]}, {}),
        ({"l": [True, 0.0]}, {"l": [True, 0.0]}),
        ({"l": [1, -0.0]}, {"l": [1, -0.0]}),
        ({"z": 5}, {"z": 5}),
        ({"a": object}, {"a": object}),
    ],
)
def test_a_value_of_another_type_is_another_value(
    given: dict[str, Any], others: dict[str, Any]
) -> None:
    assert other_than_default(given, {"a": 1, "l": [1, 0.0]}) == others
    assert repr(other_than_default(given, {"a": 1, "l": [1, 0.0]})) == repr(others)
