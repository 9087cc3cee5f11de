"""The page for people shows a contract that loads, and names what the code knows."""

from __future__ import annotations

import re
from pathlib import Path

from lakebook.contract.expectations import EXPECTATIONS, REFUSED
from lakebook.contract.odcs import parse_contract
from lakebook.contract.rules import ACTIONS, SCOPES
from lakebook.contract.tables import CLASSIFICATIONS, UNITS, WRITES
from lakebook.contract.thresholds import OPERATORS
from lakebook.contract.types import TYPES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contracts.md"


def test_the_whole_file_of_the_page_is_a_contract() -> None:
    match = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None

    contract = parse_contract(match[1], Path("notebooks/silver/flights.contract.yaml"))

    assert [rule.action for rule in contract.tables[0].rules] == ["fail", "quarantine"]


def test_the_page_names_every_choice() -> None:
    text = PAGE.read_text(encoding="utf-8")

    missing = [
        word
        for word in (*TYPES, *ACTIONS, *SCOPES, *CLASSIFICATIONS, *UNITS, *WRITES)
        if f"`{word}`" not in text and f"`{word} " not in text
    ]
    assert missing == []
    assert OPERATORS[0] in text


def test_the_page_names_every_rule_that_is_computed_and_every_one_that_is_not() -> None:
    text = PAGE.read_text(encoding="utf-8")
    kept, refused = text.split("### Rules that are refused", 1)

    assert set(re.findall(r"^\| `((?:un)?expect\w+)`", kept, re.M)) == set(EXPECTATIONS)
    rows = dict(re.findall(r"^\| `(\w*expect\w+)` \| (.*) \|$", refused, re.M))
    assert {name: fix.replace("`", "") for name, fix in rows.items()} == REFUSED
