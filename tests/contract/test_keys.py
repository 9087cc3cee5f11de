"""Every key of a contract is used, listed as not used, or refused; none is lost in silence."""

from __future__ import annotations

import copy
import json
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from lakebook.contract.keys import KEYS
from lakebook.contract.model import Contract
from lakebook.contract.odcs import parse_contract
from lakebook.contract.strict import _options
from lakebook.errors import ContractError

Load = Callable[..., Contract]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contracts.md"

LINKS = [{"url": "https://example.org", "type": "definition"}]
OTHERS = {"customProperties": [{"property": "acme.topic", "value": 7}]}
TOLD = {"authoritativeDefinitions": LINKS, **OTHERS}
WORDS = {"tags": ["a"], **TOLD}
WHOLE: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "silver.flights",
    "version": "1.2.0",
    "name": "flights",
    "status": "active",
    "tenant": "acme",
    "dataProduct": "flights",
    "domain": "aviation",
    "contractCreatedTs": "2026-11-30T00:00:00Z",
    "context": "Flights of one year.",
    "description": {"purpose": "Flights.", "usage": "Any.", "limitations": "One year.", **TOLD},
    "servers": [{"server": "s", "type": "local", "path": "x", "format": "parquet"}],
    "support": [{"channel": "mail", "url": "mailto:a@example.org"}],
    "price": {"priceAmount": 1, "priceCurrency": "EUR"},
    "roles": [{"role": "reader", "access": "read"}],
    "slaDefaultElement": "flights",
    "tags": ["a"],
    **TOLD,
    "team": {
        "id": "t",
        "name": "flight-data",
        "description": "Us.",
        "members": [
            {
                "id": "m",
                "username": "ana@example.org",
                "name": "Ana",
                "description": "She.",
                "role": "owner",
                "dateIn": "2020-01-01",
                "dateOut": "2030-01-01",
                "replacedByUsername": "bo@example.org",
                **WORDS,
            }
        ],
        **WORDS,
    },
    "slaProperties": [
        {
            "id": "l",
            "property": "latency",
            "value": 5,
            "unit": "h",
            "element": "flights",
            "driver": "operational",
            "description": "Soon.",
            "scheduler": "cron",
            "schedule": "0 6 * * *",
            "authoritativeDefinitions": LINKS,
            **OTHERS,
        },
        {"property": "retention", "value": 7, "unit": "y"},
    ],
    "schema": [
        {
            "id": "f",
            "name": "flights",
            "physicalName": "silver.flights",
            "physicalType": "table",
            "logicalType": "object",
            "description": "Flights.",
            "businessName": "Flights",
            "deprecated": False,
            "synonyms": [{"synonym": "trips"}],
            "dataGranularityDescription": "One row per flight.",
            "context": "Of one year.",
            **WORDS,
            "customProperties": [
                {
                    "id": "w",
                    "property": "write",
                    "value": "snapshot",
                    "description": "Whole.",
                    "vendor": "lakebook",
                },
                {"property": "legalHold", "value": True, "vendor": "lakebook"},
            ],
            "relationships": [{"from": ["flights.kind"], "to": ["kinds.kind"]}],
            "quality": [
                {"name": "some", "metric": "rowCount", "mustBeGreaterThan": 0, "description": "x"},
            ],
            "properties": [
                {
                    "id": "c",
                    "name": "carrier",
                    "physicalName": "carrier",
                    "logicalType": "string",
                    "physicalType": "string",
                    "description": "IATA code.",
                    "businessName": "Carrier",
                    "deprecated": False,
                    "synonyms": [{"synonym": "airline"}],
                    "primaryKey": True,
                    "primaryKeyPosition": 1,
                    "required": True,
                    "unique": True,
                    "semanticType": "column",
                    "classification": "public",
                    "encryptedName": "carrier_encrypted",
                    "transformSourceObjects": ["x"],
                    "transformLogic": "x",
                    "transformDescription": "x",
                    "examples": ["UA"],
                    "criticalDataElement": True,
                    **WORDS,
                    "relationships": [
                        {"id": "r", "type": "foreignKey", "to": "airlines.carrier", **OTHERS}
                    ],
                    "quality": [
                        {
                            "id": "q",
                            "name": "known",
                            "description": "Others are typos.",
                            "dimension": "accuracy",
                            "type": "library",
                            "metric": "invalidValues",
                            "arguments": {"validValues": ["UA", "DL"]},
                            "mustBeLessThan": 5,
                            "severity": "warning",
                            "unit": "percent",
                            "businessImpact": "operational",
                            "method": "reconciliation",
                            "schedule": "0 20 * * *",
                            "scheduler": "cron",
                            **WORDS,
                        }
                    ],
                },
                {
                    "name": "kind",
                    "logicalType": "string",
                    "physicalType": "string",
                    "enum": [
                        {"id": "v", "value": "S", "label": "x", "description": "y", **WORDS},
                        {"value": "L"},
                    ],
                    "logicalTypeOptions": {"maxLength": 2},
                    "quality": [
                        {
                            "name": "short",
                            "type": "custom",
                            "engine": "greatExpectations",
                            "implementation": {
                                "type": "expect_column_value_lengths_to_equal",
                                "kwargs": {"value": 2},
                            },
                            "description": "Two letters.",
                        },
                        {
                            "name": "few",
                            "type": "sql",
                            "query": "select count(distinct kind) from ${table}",
                            "mustBeLessThan": 10,
                            "description": "There are six.",
                        },
                    ],
                },
            ],
        }
    ],
}


def read(given: Any) -> Contract | str:
    """The contract, or the error. JSON is YAML, and on one line no line of it moves."""
    try:
        return parse_contract(json.dumps(given), Path("notebooks/silver/flights.contract.yaml"))
    except ContractError as wrong:
        return str(wrong)


def walk(value: Any, annotation: Any, path: tuple[Any, ...]) -> Iterator[tuple[str, tuple]]:
    """All mappings of a document that have a model: its name, and where it stands."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            for inner in _options(annotation, list):
                yield from walk(item, inner, (*path, i))
    elif isinstance(value, dict):
        for model in _options(annotation, dict)[:1]:
            yield model.__name__, path
            hints = typing.get_type_hints(model)
            names = {(f.alias or name): hints[name] for name, f in model.model_fields.items()}
            for key, inner in value.items():
                yield from walk(inner, names[key], (*path, key))


def changed(value: Any, path: tuple[Any, ...], key: str) -> Iterator[dict[str, Any]]:
    """The document without a key, and with another value that the standard allows there."""
    given = value
    for part in path:
        given = given[part]
    other: Any = None
    if key == "customProperties":
        other = [{"property": "nonsense", "value": 1}]
    elif isinstance(given[key], bool):
        other = not given[key]
    elif isinstance(given[key], int):
        other = given[key] + 7
    elif isinstance(given[key], str):
        other = "nonsense"
    elif isinstance(given[key], list) and isinstance(given[key][0], str):
        other = ["nonsense"]
    for new in (None, other):
        document = copy.deepcopy(value)
        place = document
        for part in path:
            place = place[part]
        place.pop(key)
        if new is not None:
            place[key] = new
        yield document


def changes_something(model: str, key: str) -> bool:
    before, found = read(WHOLE), False
    assert isinstance(before, Contract), before
    for name, path in walk(WHOLE, OpenDataContractStandard, ()):
        given: Any = WHOLE
        for part in path:
            given = given[part]
        if name == model and key in given:
            found = True
            if any(read(other) != before for other in changed(WHOLE, path, key)):
                return True
    assert found, f"the contract above has no {key} in {model}"
    return False


NOT_THERE = {"valueExt", "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo"}
NOT_THERE |= {"mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"}
"""Used keys that exclude others; tests of rules and the cases below have them."""


@pytest.mark.parametrize(
    ("model", "key"),
    [(m, k) for m, keys in KEYS.items() for k in keys.used if k not in NOT_THERE],
)
def test_a_used_key_changes_what_is_read_or_is_checked(model: str, key: str) -> None:
    assert changes_something(model, key)


@pytest.mark.parametrize(
    ("model", "key"), [(m, k) for m, keys in KEYS.items() for k in keys.unused]
)
def test_an_unused_key_changes_nothing(model: str, key: str) -> None:
    assert not changes_something(model, key)


def test_every_key_of_the_standard_is_in_one_of_the_three() -> None:
    models: dict[str, Any] = {}

    def reach(annotation: Any) -> None:
        for kind in (list, dict):
            for part in _options(annotation, kind):
                if kind is list:
                    reach(part)
                elif part.__name__ not in models:
                    models[part.__name__] = part
                    hints = typing.get_type_hints(part)
                    ours = KEYS.get(part.__name__)
                    for name, one in part.model_fields.items():
                        if ours and (one.alias or name) in ours.used:
                            reach(hints[name])

    reach(OpenDataContractStandard)

    assert set(models) == set(KEYS)
    for name, model in models.items():
        ours = [*KEYS[name].used, *KEYS[name].unused, *KEYS[name].refused]
        standard = [field.alias or key for key, field in model.model_fields.items()]
        assert sorted(ours) == sorted(standard), name


def test_the_page_lists_the_keys_that_are_not_used() -> None:
    _, text = PAGE.read_text(encoding="utf-8").split("## Keys that are not used", 1)
    rows = dict(re.findall(r"^\| ([\w ]+) \| (`.*`) \|$", text, re.M))

    assert {place: tuple(re.findall(r"`(\w+)`", listed)) for place, listed in rows.items()} == {
        keys.place: keys.unused for keys in KEYS.values() if keys.unused
    }


HOLD = "{property: legalHold, value: true}"
RULE = "metric: rowCount\n"
ACTION = "customProperties: [{property: action, value: quarantine}]"
WRONG = [
    # a promise at the wrong place
    (
        "domain: aviation",
        f"domain: aviation\ncustomProperties: [{HOLD}]",
        ":8: unknown customProperty 'legalHold' in the contract; it belongs to the custom"
        "Properties of a table",
    ),
    ("property: unit, value: min", "property: tier, value: {hot: 1d}", "customProperties of a tab"),
    ("property: unit, value: min", "property: write, value: merge", "customProperties of a table"),
    ("property: unit, value: min", "property: timeColumn, value: x", "customProperties of a table"),
    (
        "      - {property: write,",
        "      - {property: unit, value: min}\n      - {property: write,",
        "unknown customProperty 'unit' in schema.flights; it belongs to the customProperties of",
    ),
    (
        "      - {property: write,",
        "      - {property: action, value: warn}\n      - {property: write,",
        "it belongs to the customProperties of a rule or a relationship",
    ),
    (
        "unit: y}",
        f"unit: y, customProperties: [{HOLD}]}}",
        "unknown customProperty 'legalHold' in s",
    ),
    (
        "role: steward}",
        f"role: steward, customProperties: [{HOLD}]}}",
        "the customProperties of a t",
    ),
    (
        "limitations: One year.}",
        f"limitations: x, customProperties: [{HOLD}]}}",
        "in description; ",
    ),
    (
        "domain: aviation",
        f"domain: aviation\nservers: [{{server: s, type: local, path: x, format: "
        f"csv, customProperties: [{HOLD}]}}]",
        "unknown customProperty 'legalHold' in servers.1",
    ),
    (
        RULE + "        mustBeGreaterThan: 0\n",
        f"type: text\n        customProperties: [{HOLD}]\n",
        "unknown customProperty 'legalHold' in schema.flights.quality.enough_rows",
    ),
    (
        "domain: aviation",
        "domain: aviation\ntier: {hot: 1d}",
        "unknown key 'tier' in the contract; it is a customProperty of a table: {property: tier",
    ),
    (
        "    tags: [core]",
        "    classification: public",
        "unknown key 'classification' in schema.flights; it is a key of a column",
    ),
    # nobody's
    (
        "domain: aviation",
        "domain: aviation\ncustomProperties: [{property: topic, value: 7}]",
        "unknown customProperty 'topic' in the contract; known here: none; another tool's has a",
    ),
    (
        "{property: tier,",
        "{vendor: Lakebook, property: tier,",
        "the vendor 'Lakebook' is not 'lake",
    ),
    (
        "{property: tier,",
        "{vendor: lakebok, property: tier,",
        "write vendor: lakebook, or leave it",
    ),
    ("{property: tier,", "{property: lakebook.tier,", "write Lakebook's own without one"),
    # twice
    (
        "      - {property: write,",
        f"      - {HOLD}\n      - {HOLD}\n      - {{property: write,",
        ":26: legalHold stands twice in schema.flights (first in line 25); keep one of them",
    ),
    (
        "  - {property: retention,",
        "  - {property: latency, value: 2, unit: d}\n  - {property: retention,",
        ":17: latency of silver.flights stands twice (first in line 16); keep one of them",
    ),
    (
        "  - {property: retention,",
        "  - {property: retention, value: 2, element: flights}\n  - {property: retention,",
        ":18: retention of silver.flights stands twice (first in line 17)",
    ),
    ("kwargs: {min_value: -120, max", "kwargs: {min_value: -120, min_value: 0, max", "stands here"),
    # service levels of nothing, or of more than is read
    (
        "unit: d,",
        "unit: d, element: flight,",
        "element 'flight' is no table (did you mean 'flights",
    ),
    ("unit: d,", "unit: d, element: 'flights, x',", "element 'x' is no table"),
    (
        "unit: d,",
        "unit: d, element: flights.carier,",
        "is no column of flights (did you mean 'carr",
    ),
    (
        "  - {property: retention,",
        "  - {property: retention, element: flights.dep_delay_min,",
        ":17: the retention of silver.flights is by 'dep_delay_min', and its partitions are "
        "deleted by their age in the timeColumn 'flight_date'; write element: flights",
    ),
    (
        "slaProperties:",
        "slaDefaultElement: flights.carrier\nslaProperties:",
        ":18: the retention of silver.flights is by 'carrier'",
    ),
    ("slaProperties:", "slaDefaultElement: x.y\nslaProperties:", ":15: element 'x.y' is no table"),
    ("unit: d,", "unit: d, valueExt: 3,", "latency has a valueExt, which is not used"),
    # columns
    (
        "physicalType: int32",
        "physicalType: int32\n        primaryKeyPosition: 3",
        ":56: column 'dep_delay_min' has a primaryKeyPosition and is no primary key",
    ),
    (
        "physicalType: int32",
        "physicalType: int32\n        partitionKeyPosition: 1",
        "'partitionKeyPosition' in schema.flights.dep_delay_min is not checked by Lakebook",
    ),
    (
        "physicalType: int32",
        "physicalType: int32\n        physicalName: DEP",
        "'dep_delay_min' has the physicalName 'DEP', and is called dep_delay_min in the lake",
    ),
    (
        "    tags: [core]",
        "    physicalName: tbl_flights",
        "and is called silver.flights in the lak",
    ),
    (
        "physicalType: int32",
        "physicalType: int32\n        semanticType: measure",
        "is no column; l",
    ),
    # rules
    (RULE + "        mustBeGreaterThan: 0\n", "method: x\n", "neither a type nor a metric"),
    (
        RULE,
        "type: text\n        " + RULE,
        "'metric' in schema.flights.quality.enough_rows is no key",
    ),
    (RULE, RULE + "        rule: unique\n", "write metric, which has taken its place"),
    (
        RULE,
        RULE + "        query: select 1\n",
        "'query' in schema.flights.quality.enough_rows is no",
    ),
    (
        "            engine: great",
        "            mustBeLessThan: 5\n            engine: great",
        "'mustBeLessThan' in schema.flights.dep_delay_min.quality.plausible_delay is no key of a "
        "rule of type custom",
    ),
    # a reference of another table
    (
        "    properties:\n",
        "    relationships: [{from: planes.carrier, to: airlines.carrier}]\n    properties:\n",
        "a relationship of silver.flights is from 'planes.carrier'; write fligh",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_what_would_be_lost_is_refused_at_its_place(
    load: Load, old: str, new: str, said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        load((old, new))

    assert said in str(raised.value)
    assert re.match(r"notebooks/silver/flights\.contract\.yaml:\d+: ", str(raised.value))


@pytest.mark.parametrize("name", ["acme.legalHold", "acme:tier", "acme/write", "x-topic"])
def test_what_has_a_prefix_is_another_tools_wherever_it_stands(load: Load, name: str) -> None:
    one = f"{{property: {name}, value: true}}"
    plain = load()
    found = load(
        ("domain: aviation\n", f"domain: aviation\ncustomProperties: [{one}, {one}]\n"),
        ("{property: unit, value: min}", f"{{property: unit, value: min}}, {one}"),
    )

    assert found.tables[0].tier == plain.tables[0].tier
    assert found.tables[0].column("dep_delay_min").unit == "min"


def test_a_default_element_is_that_of_service_levels_without_one(load: Load) -> None:
    two = (
        "    properties:\n      - name: flight_date\n",
        "    properties:\n      - {name: x, logicalType: string, physicalType: string}\n"
        "  - name: others\n    properties:\n      - name: flight_date\n",
    )
    snapshot = [(f"      - {{property: {p}", "      - {property: acme.x") for p in (
        "timeColumn", "timeZone", "partitionUnit", "tier", "write",
    )]  # fmt: skip
    contract = load(
        ("slaProperties:", "slaDefaultElement: others.carrier\nslaProperties:"),
        ("unit: d, schedule", "unit: d, element: flights, schedule"),
        two,
        *snapshot,
    )

    first, second = contract.tables
    assert (first.sla.freshness_hours, first.tier.retention_days) == (24, None)
    assert (second.sla.freshness_hours, second.tier.retention_days) == (None, 2555)


def test_what_is_nested_is_refused_before_the_schema_looks_at_it(load: Load) -> None:
    # The JSON schema of the standard takes four times as long for each level: twenty would not end.
    inner = "{name: a, logicalType: string, physicalType: string}"
    for _ in range(20):
        inner = f"{{name: a, logicalType: object, physicalType: string, properties: [{inner}]}}"
    with pytest.raises(ContractError, match=r"'properties' in schema\.flights\.a is not checked"):
        load(("      - name: fare\n", f"      - {inner}\n      - name: fare\n"))
