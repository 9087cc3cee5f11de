"""customProperties: which of them are Lakebook's, and where in a contract each belongs.

ODCS has them for what a tool needs beyond the standard. One with the vendor `lakebook`, or without
a vendor and with a plain name, is ours and strict. Those of others have another vendor (ODCS 3.2)
or a prefix in their name, such as `acme.topic`, and are left alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ContractError, did_you_mean
from .yamlfile import Document, Place

VENDOR = "lakebook"

PLACES: Mapping[str, Mapping[str, type]] = {
    "table": {
        "write": str,
        "timeColumn": str,
        "timeZone": str,
        "partitionUnit": str,
        "tier": dict,
        "legalHold": bool,
        "terms": list,
        "nullValues": list,
        "misfits": str,
    },
    "column": {"unit": str, "terms": list, "nullValues": list, "misfits": str},
    "rule": {"action": str, "scope": str},
    "relationship": {"action": str, "reason": str},
}
"""Our properties and the kinds of their values, by what they stand at."""

_KINDS = {str: "text", dict: "a mapping", bool: "true or false", list: "a list"}
_PREFIXED = re.compile(r"[xX]-.+|([\w-]+)[.:/].+")
_ONE_LETTER = 0.9  # likeness of a word with one letter too many or too few
_TABLE, _COLUMN = ("schema", 0), ("schema", 0, "properties", 0)


def kind_of(place: Place) -> str:
    """What stands at a place, of those that have properties of ours; empty for all others."""
    shape = tuple(0 if isinstance(key, int) else key for key in place)
    if shape in (_TABLE, _COLUMN):
        return "table" if shape == _TABLE else "column"
    if shape[:-2] in (_TABLE, _COLUMN) and shape[-1] == 0:
        return {"quality": "rule", "relationships": "relationship"}.get(str(shape[-2]), "")
    return ""


def place_of(name: str) -> str:
    """Where one of our properties belongs, in words; empty if there is none of that name."""
    return " or ".join(f"a {kind}" for kind, known in PLACES.items() if name in known)


def is_ours(item: Mapping[str, Any]) -> bool:
    name, vendor = str(item.get("property")), item.get("vendor")
    if vendor is not None:
        return bool(vendor == VENDOR)
    return _PREFIXED.fullmatch(name) is None


def check_custom(document: Document, items: Any, place: Place, named: str) -> None:
    """Raise ContractError for one of our properties that is unknown, misplaced, twice or no value.

    Parameters
    ----------
    items: the value of a key `customProperties`; what is not ODCS in it is the schema's to refuse.
    place, named: of the mapping that has the key.
    """
    known = PLACES.get(kind_of(place), {})
    seen: dict[str, int] = {}
    for i, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict) or not isinstance(item.get("property"), str):
            continue
        at: Place = (*place, "customProperties", i)
        name, line = item["property"], document.at((*at, "property"))
        _check_owner(document, item, at)
        if not is_ours(item):
            continue
        if name not in known:
            raise ContractError(
                f"unknown customProperty {name!r} in {named}{did_you_mean(name, known)}",
                where=line,
                fix=_belongs(name, known),
            )
        if name in seen:
            raise ContractError(
                f"{name} stands twice in {named} (first in line {seen[name]})",
                where=line,
                fix="keep one of them",
            )
        seen[name] = document.line(at)
        if not isinstance(item.get("value"), known[name]):
            raise ContractError(
                f"{name} in {named} is {item.get('value')!r}, not {_KINDS[known[name]]}",
                where=document.at((*at, "value")),
            )


def _check_owner(document: Document, item: Mapping[str, Any], at: Place) -> None:
    """A vendor or prefix that is nearly ours would take a promise away in silence."""
    vendor, match = item.get("vendor"), _PREFIXED.fullmatch(item["property"])
    if isinstance(vendor, str) and vendor != VENDOR and _is_nearly_ours(vendor):
        raise ContractError(
            f"the vendor {vendor!r} is not {VENDOR!r}",
            where=document.at((*at, "vendor")),
            fix=f"write vendor: {VENDOR}, or leave it out",
        )
    if vendor is None and match and match[1] and _is_nearly_ours(match[1]):
        raise ContractError(
            f"the customProperty {item['property']!r} has a prefix",
            where=document.at((*at, "property")),
            fix="write Lakebook's own without one",
        )


def _is_nearly_ours(word: str) -> bool:
    return difflib.SequenceMatcher(None, word.strip().lower(), VENDOR).ratio() >= _ONE_LETTER


def _belongs(name: str, known: Mapping[str, type]) -> str:
    if place := place_of(name):
        return f"it belongs to the customProperties of {place}"
    listed = f"known here: {', '.join(known) or 'none'}"
    return f"{listed}; another tool's has a vendor, or a prefix as in acme.{name}"
