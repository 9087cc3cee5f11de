"""What becomes of each key of ODCS: it is used, or it is for people and other tools, or refused.

By the names of the standard's models. A key that a newer release of the standard has and this table
has not is refused: nobody has said yet what becomes of it. docs/reference/contracts.md lists the
keys that are not used; tests/contract/test_keys.py compares both with what a contract is read to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContractError, did_you_mean
from .custom import place_of
from .thresholds import OPERATORS


@dataclass(frozen=True)
class Keys:
    """The keys of one model. `refused`: what to do instead of each."""

    place: str  # in words
    used: tuple[str, ...]
    unused: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def _keys(
    place: str, used: str, unused: str = "", refused: Mapping[str, str] | None = None
) -> Keys:
    return Keys(place, tuple(used.split()), tuple(unused.split()), refused or {})


_NESTED = "give each value a column of its own; nested types are not supported"
_PARTITIONED = "name the table's timeColumn in its customProperties"

KEYS: Mapping[str, Keys] = {
    "OpenDataContractStandard": _keys(
        "the contract",
        "apiVersion kind id version domain tags description team slaProperties slaDefaultElement "
        "schema customProperties",
        "name status tenant dataProduct servers support price roles authoritativeDefinitions "
        "context contractCreatedTs",
    ),
    "Description": _keys(
        "description", "purpose customProperties", "usage limitations authoritativeDefinitions"
    ),
    "Team": _keys(
        "team", "members customProperties", "id name description tags authoritativeDefinitions"
    ),
    "TeamMember": _keys(
        "a member of team",
        "username role customProperties",
        "id name description dateIn dateOut replacedByUsername tags authoritativeDefinitions",
    ),
    "ServiceLevelAgreementProperty": _keys(
        "slaProperties",
        "property value valueExt unit element schedule customProperties",
        "id driver description scheduler authoritativeDefinitions",
    ),
    "SchemaObject": _keys(
        "a table",
        "name physicalName logicalType description tags customProperties properties relationships "
        "quality",
        "id physicalType businessName deprecated synonyms authoritativeDefinitions "
        "dataGranularityDescription context",
    ),
    "SchemaProperty": _keys(
        "a column",
        "name physicalName logicalType physicalType description tags customProperties primaryKey "
        "primaryKeyPosition required unique enum logicalTypeOptions semanticType classification "
        "relationships quality",
        "id businessName deprecated synonyms authoritativeDefinitions encryptedName "
        "transformSourceObjects transformLogic transformDescription examples criticalDataElement",
        {
            "partitioned": _PARTITIONED,
            "partitionKeyPosition": _PARTITIONED,
            **dict.fromkeys(("properties", "items", "map"), _NESTED),
        },
    ),
    "EnumValue": _keys(
        "a value of enum",
        "value customProperties",
        "id label description tags authoritativeDefinitions",
    ),
    "DataQuality": _keys(
        "a rule",
        "name description dimension type metric arguments unit query engine implementation "
        f"severity customProperties {' '.join(OPERATORS)}",
        "id authoritativeDefinitions businessImpact method schedule scheduler tags",
        {"rule": "write metric, which has taken its place"},
    ),
    "Relationship": _keys("a relationship", "type from to customProperties", "id"),
    "CustomProperty": _keys("a customProperty", "property value vendor", "id description"),
}
"""Models that are not here stand below keys that are not used."""

_BOUNDS = "minimum exclusiveMinimum maximum exclusiveMaximum format"
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": ("multipleOf", *_BOUNDS.split()),
    "number": ("multipleOf", *_BOUNDS.split()),
    "date": tuple(_BOUNDS.split()),
    "timestamp": (*_BOUNDS.split(), "timezone", "defaultTimezone"),
    "boolean": (),
}
"""`logicalTypeOptions` by the logicalType. The standard's JSON schema takes any of a boolean."""

_OF_KIND = {
    "library": ("metric", "arguments", "unit", *OPERATORS),
    "sql": ("query", "unit", *OPERATORS),
    "custom": ("engine", "implementation"),
    "text": (),
}
"""The keys by which a rule of each type says what is to hold."""


def check_key(model: str, key: str, known: Iterable[str], where: str, place: str) -> None:
    """Raise ContractError for a key that ODCS or Lakebook does not know.

    `known`: the keys of the standard's model; `place`: where in the contract, in words.
    """
    ours = KEYS.get(model)
    if key not in known:
        guess = did_you_mean(key, known)
        raise ContractError(
            f"unknown key {key!r} in {place}{guess}",
            where=where,
            fix="" if guess else _elsewhere(model, key),
        )
    if ours and key not in (*ours.used, *ours.unused, *ours.refused):
        raise ContractError(
            f"{key!r} in {place} is a key that this Lakebook does not know yet",
            where=where,
            fix="leave it out, or use a newer Lakebook",
        )


def _elsewhere(model: str, key: str) -> str:
    """Where a key belongs that is unknown at its own place."""
    if found := place_of(key):
        return f"it is a customProperty of {found}: {{property: {key}, value: …}}"
    places = [one.place for name, one in KEYS.items() if key in one.used and name != model]
    return f"it is a key of {' and of '.join(places)}" if places else ""


def refusal(model: str, value: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first key whose promise Lakebook would not keep, and what to do instead.

    One that says nothing is none: `partitioned: false`, `items: null`, and -1, which is the
    standard's default of a position.
    """
    ours = KEYS.get(model)
    for key, fix in ours.refused.items() if ours else ():
        if value.get(key) not in (None, False, [], {}, -1):
            return key, fix
    return None


def check_options(column: Mapping[str, Any], where: Callable[[str], str], place: str) -> None:
    """Raise ContractError for an option that a column's logicalType does not have.

    `where`: the file and line of an option; `place`: where in the contract, in words.
    """
    given, known = column.get("logicalTypeOptions"), OPTIONS.get(str(column.get("logicalType")))
    if not isinstance(given, dict) or known is None:
        return
    for key in given:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise ContractError(
                f"unknown key {key!r} in {place}.logicalTypeOptions{did_you_mean(str(key), known)}",
                where=where(key),
                fix=f"of the logicalType {column['logicalType']} there are: {listed}",
            )


def stray_key(rule: Mapping[str, Any]) -> tuple[str, str] | None:
    """A key of a rule that its type does not have, and the type; None if there is no such."""
    kind = str(rule.get("type") or "library")
    if kind not in _OF_KIND:
        return None  # the JSON schema says which there are
    every = {key for keys in _OF_KIND.values() for key in keys}
    stray = next((key for key in rule if key in every and key not in _OF_KIND[kind]), None)
    return None if stray is None else (stray, kind)
