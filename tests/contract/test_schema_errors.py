"""What a person reads of a contract that the standard's JSON schema refuses."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sampling
import yaml  # type: ignore[import-untyped]

from lakebook.contract.model import Contract
from lakebook.contract.odcs import parse_contract
from lakebook.errors import ContractError, UserError

Load = Callable[..., Contract]
LIMIT = "        mustBeGreaterThan: 0\n"
METRIC = "        metric: rowCount\n"
RULE = "schema.flights.quality.enough_rows"
RAW = re.compile(
    r"is not valid under|is valid under|is not of type|Unevaluated|Additional properties"
    r"|is a required property|is too (short|long)|non-unique|should not be valid|does not match"
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            LIMIT,
            f"{LIMIT}        mustBeLessThan: 5\n",
            f"{RULE} has 2 operators: mustBeGreaterThan and mustBeLessThan; keep one; "
            "mustBeBetween: [least, greatest]",
        ),
        (
            METRIC + LIMIT,
            "        type: sql\n        query: select 1\n        mustBe: 1\n        mustNotBe: 2\n",
            f"{RULE} has 2 operators: mustBe and mustNotBe; keep one",
        ),
        (LIMIT, "", f"{RULE} has no operator; add one of mustBe, mustNotBe"),
        (LIMIT, "        mustBeBetween: [1]\n", "has 1 value, and a range has two; write [least"),
        (LIMIT, "        mustBeBetween: [1, 1]\n", "mustBeBetween has 1 twice; write mustBe: 1"),
        (LIMIT, "        mustBeBetween: 5\n", "5 is no list; write [least, greatest]"),
        (LIMIT, "        mustBeLessThan: 010\n", "'010' is no number; write 10: digits after"),
        (LIMIT, "        mustBeLessThan: '5'\n", "'5' is no number; write it without quotes"),
        (LIMIT, "        mustBeLessThan:\n", "has no value; give a number, or leave the key out"),
        (METRIC, "        metric: 5\n", f"{RULE}.metric: 5 is no text; put it in quotes"),
        ("- to: airlines.carrier", "- {to: a.b, from: c.d}", "has from, which does not belong"),
        ("value: 7, unit", "value: [7], unit", "[7] is no text or number or truth"),
        ("tags: [core]", "tags: core", "'core' is no list; write [core]"),
        ("        required: true", "        required: 'yes'", "'yes' is neither true nor false"),
        ("schema:\n  - name", "schema:\n    name", "schema: a mapping (name, logicalType, "),
        ("version: 1.2.0\n", "", "the contract has no 'version'; add version: …"),
    ],
)
def test_a_sentence_says_what_to_do(load: Load, old: str, new: str, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        load((old, new))

    assert said in raised.value.sentence
    assert re.match(r"notebooks/silver/flights\.contract\.yaml:\d+$", raised.value.where)


VALUES = (None, 5, -1.5, "x y", "010", [], {}, [1], {"a": 1}, True, "left out")


def test_nothing_at_any_place_ends_in_a_validators_text(flights_text: str) -> None:
    whole = yaml.safe_load(flights_text)
    cases = [(place, value) for place in _places(whole) for value in VALUES]
    draw = random.Random(sampling.seed("schema errors"))
    for place, value in draw.sample(cases, sampling.examples(100, len(cases))):
        changed = copy.deepcopy(whole)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        if value == "left out":
            del inner[place[-1]]
        text = yaml.safe_dump(changed, sort_keys=False)
        try:
            parse_contract(text, Path("notebooks/silver/flights.contract.yaml"))
        except UserError as refused:
            assert not RAW.search(refused.found), (place, value, refused.sentence)
            assert len(refused.found) < 300, (place, value, refused.sentence)


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*above, key)
        yield from _places(value[key], (*above, key))
