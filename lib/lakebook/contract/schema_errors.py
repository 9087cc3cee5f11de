"""What an error of the standard's JSON schema says to a person: one sentence, and what to do.

A validator's own text repeats the whole value, and of an `anyOf` or `oneOf` says no more than that
no branch, or more than one, fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import did_you_mean
from .numerals import how_to_write
from .thresholds import OPERATORS

_LONGEST = 60
_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "truth",
    "array": "list",
    "object": "mapping",
    "null": "null",
}
_ID = "^[A-Za-z0-9_-]+$"


def precise(error: Any) -> Any:
    """The error that says most: the deepest one of the branch that nearly fits.

    One whose branches only differ in a key that is asked for, or in the type, says more itself.
    """
    while error.context:
        if _all_of(error, "type") or _all_of(error, "required"):
            return error
        error = max(
            error.context,
            key=lambda e: (len(e.absolute_path), e.validator != "type", -len(e.message)),
        )
    return error


def in_words(error: Any, place: str) -> tuple[str, str]:
    """What is wrong, beginning with its place in the file, and what to do."""
    if error.validator in ("anyOf", "oneOf"):
        return _branches(error, place)
    say = _SAYS.get(error.validator)
    found = say(error, place) if say else None
    return found or (f"{place}: {_cut(str(error.message))}", "")


def _all_of(error: Any, validator: str) -> bool:
    return all(
        one.validator == validator and one.absolute_path == error.absolute_path
        for one in error.context
    )


def _branches(error: Any, place: str) -> tuple[str, str]:
    """Of several forms none fits, or more than one."""
    given = error.instance
    if error.context and _all_of(error, "type"):
        return _unlike(given, _types([one.validator_value for one in error.context]), place)
    if error.context:
        keys = list(dict.fromkeys(key for one in error.context for key in one.validator_value))
        if set(keys) == set(OPERATORS):
            return f"{place} has no operator", f"add one of {', '.join(OPERATORS)}"
        return f"{place} has none of the keys {', '.join(keys)}", "add one of them"
    both = [name for name in OPERATORS if isinstance(given, dict) and name in given]
    if len(both) > 1:
        return (
            f"{place} has {len(both)} operators: {' and '.join(both)}",
            "keep one; mustBeBetween: [least, greatest] is a range with both its ends, and what it "
            "cannot say is a second rule",
        )
    return f"{place}: {_shown(given)} fits several forms of the standard", "keep to one of them"


def _required(error: Any, place: str) -> tuple[str, str]:
    missing = next(key for key in error.validator_value if key not in error.instance)
    return f"{place} has no {missing!r}", f"add {missing}: …"


def _type(error: Any, place: str) -> tuple[str, str]:
    return _unlike(error.instance, _types([error.validator_value]), place)


def _types(given: list[Any]) -> list[str]:
    return list(dict.fromkeys(t for one in given for t in ([one] if isinstance(one, str) else one)))


def _unlike(given: Any, types: list[str], place: str) -> tuple[str, str]:
    words = [_TYPES[one] for one in types if not (one == "integer" and "number" in types)]
    listed = " or ".join(word for word in words if word != "null")
    if given is None:
        return f"{place} has no value", f"give a {listed}, or leave the key out"
    if types == ["boolean"]:
        return f"{place}: {_shown(given)} is neither true nor false", "write true or false"
    found = f"{place}: {_shown(given)} is no {listed}"
    if set(types) & {"number", "integer"} and isinstance(given, str):
        return found, how_to_write(given)
    if place.rpartition(".")[2] in OPERATORS and types == ["array"]:
        return found, "write [least, greatest]"
    if "string" in types and not isinstance(given, dict | list):
        return found, "put it in quotes"
    if "object" in types:
        return found, "write it as key: value"
    if "array" in types and not isinstance(given, dict | list):
        return found, f"write [{_shown(given).strip(repr('')[0])}]"
    if "array" in types:
        return found, "write its items below each other, each behind a dash"
    return found, f"give a {listed}"


def _enum(error: Any, place: str) -> tuple[str, str]:
    allowed = [str(value) for value in error.validator_value]
    guess = did_you_mean(str(error.instance), allowed)
    found = f"{place}: {_shown(error.instance)} is not allowed{guess}"
    return found, f"use one of {', '.join(allowed)}"


def _pattern(error: Any, place: str) -> tuple[str, str] | None:
    # The path ends in a number where a key of several columns lists them.
    ends = [part for part in error.absolute_path if isinstance(part, str)][-1:]
    if ends in (["to"], ["from"]):
        fix = "write table.column or layer.table.column"
        return f"{place}: {error.instance!r} is no reference", fix
    if error.validator_value == _ID:
        return f"{place}: {error.instance!r} is no id", "use letters, digits, _ and - alone"
    return None


def _count(error: Any, place: str) -> tuple[str, str]:
    has, wanted = len(error.instance), error.validator_value
    if error.absolute_path and error.absolute_path[-1] in OPERATORS:
        items = "1 value" if has == 1 else f"{has} values"
        return f"{place} has {items}, and a range has two", "write [least, greatest]"
    if not has:
        return f"{place} is empty", "name at least one, or leave the key out"
    most = "most" if error.validator == "maxItems" else "least"
    return f"{place} has {has} items, and at {most} {wanted} belong there", ""


def _twice(error: Any, place: str) -> tuple[str, str]:
    items = error.instance
    again = next(item for n, item in enumerate(items) if item in items[:n])
    key = error.absolute_path[-1] if error.absolute_path else ""
    one = {"mustBeBetween": "mustBe", "mustNotBeBetween": "mustNotBe"}.get(str(key))
    fix = f"write {one}: {again}" if one else "name each once"
    return f"{place} has {_shown(again)} twice", fix


def _least(error: Any, place: str) -> tuple[str, str]:
    least = error.validator_value
    return f"{place}: {error.instance} is less than {least}", f"give {least} or more"


def _not(error: Any, place: str) -> tuple[str, str] | None:
    keys = error.validator_value.get("required")
    if not keys:
        return None
    return f"{place} has {keys[0]}, which does not belong there", f"leave {keys[0]} out"


def _strange(error: Any, place: str) -> tuple[str, str]:
    given = error.instance
    if isinstance(given, dict) and not isinstance(given.get("metric", ""), str):
        # Only a text is a metric to the standard, which then knows no operator either.
        return _unlike(given["metric"], ["string"], f"{place}.metric")
    names = re.findall(r"'([^']+)'", str(error.message))
    return f"{place} has {', '.join(names)}, which the standard does not have there", "leave it out"


_SAYS: Mapping[str, Callable[[Any, str], tuple[str, str] | None]] = {
    "required": _required,
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "minItems": _count,
    "maxItems": _count,
    "uniqueItems": _twice,
    "minimum": _least,
    "not": _not,
    "unevaluatedProperties": _strange,
    "additionalProperties": _strange,
}


def _shown(given: Any) -> str:
    """A value as it is written, a large one by its kind."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, dict):
        return f"a mapping ({_cut(', '.join(map(str, given)))})" if given else "an empty mapping"
    if isinstance(given, list) and len(repr(given)) > _LONGEST:
        return f"a list of {len(given)}"
    return _cut(repr(given))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
