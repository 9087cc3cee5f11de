"""What of a contract makes data, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakebook.contract.fingerprint import fingerprint_of
from lakebook.contract.model import Contract
from lakebook.errors import ContractError

Load = Callable[..., Contract]

REASON = "{property: reason, value: Unknown ones are kept.}"
WARN = (
    "to: airlines.carrier",
    "to: airlines.carrier\n            customProperties:\n"
    f"              - {{property: action, value: warn}}\n              - {REASON}",
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("One row per scheduled flight.", "One row per flight."),
        ("No flight leaves two days late.", "Two days late is a typo."),
        ("description: IATA code.", "description: The code."),
        ("flight-data@example.org, role", "others@example.org, role"),
        ("hot: 30d", "hot: 60d"),
        ("value: 7, unit: y", "value: 9, unit: y"),
        ("version: 1.2.0", "version: 1.2.1"),
        ("tags: [core]", "tags: [main]"),
        ("classification: public", "classification: internal"),
        ("dimension: completeness", "dimension: coverage"),
    ],
)
def test_words_owners_and_tiers_make_no_data(load: Load, old: str, new: str) -> None:
    assert fingerprint_of(load((old, new)).tables[0]) == fingerprint_of(load().tables[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("physicalType: int32", "physicalType: int64"),
        ("name: fare", "name: price"),
        ("America/New_York", "UTC"),
        ("value: month", "value: day"),
        ("property: write, value: replace", "property: write, value: merge"),
        ("max_value: 2880", "max_value: 1440"),
        ("value: quarantine", "value: warn"),
        ("to: airlines.carrier", "to: carriers.carrier"),
        WARN,
    ],
)
def test_schema_time_rules_and_guarding_references_make_data(
    load: Load, old: str, new: str
) -> None:
    assert fingerprint_of(load((old, new)).tables[0]) != fingerprint_of(load().tables[0])


def test_a_reference_that_only_warns_makes_no_data(load: Load) -> None:
    without = load(("        relationships:\n          - to: airlines.carrier\n", ""))

    assert fingerprint_of(load(WARN).tables[0]) == fingerprint_of(without.tables[0])


def test_the_order_of_rules_makes_no_data(load: Load) -> None:
    table = load().tables[0]
    turned = type(table)(**{**vars(table), "rules": table.rules[::-1]})

    assert fingerprint_of(turned) == fingerprint_of(table)


NULLS = (
    "{property: write, value: replace}\n",
    "{property: write, value: replace}\n      - {property: nullValues, value: [NA, '-9']}\n",
)


def test_texts_that_are_null_make_data_by_the_definition_that_knows_them(load: Load) -> None:
    plain, table = load().tables[0], load(NULLS).tables[0]
    assert table.nulls == ("NA", "-9")
    assert fingerprint_of(table) != fingerprint_of(plain)
    assert fingerprint_of(table, definition=1) == fingerprint_of(plain, definition=1)
    assert fingerprint_of(plain) == fingerprint_of(plain, definition=1)


def test_a_text_that_is_null_is_a_text(load: Load) -> None:
    with pytest.raises(ContractError, match=r"nullValues has -9, which is no text; write each"):
        load((NULLS[0], NULLS[1].replace("'-9'", "-9")))
