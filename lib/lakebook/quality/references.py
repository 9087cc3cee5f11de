"""Key values of referenced datasets, and the token that stands for them in a suite.

A rule with thousands of keys in its arguments would put them into every result, report and metric
name; so a suite names a large reference by a token, which the engine replaces by the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.model import Relationship
from ..errors import RunError

INLINE_KEYS = 50
_TOKEN = "keys of "


def key_values(given: Any) -> Sequence[Any]:
    """Distinct keys without null: a Narwhals series stays one, a list or Arrow array gives a list.

    A series holds its keys in a column's memory, a tenth of that of as many Python objects.
    """
    if hasattr(given, "drop_nulls"):
        keys: Sequence[Any] = given.drop_nulls()
        return keys
    values = given.to_pylist() if hasattr(given, "to_pylist") else given
    return [value for value in values if value is not None]


def value_set(relationship: Relationship, keys: Sequence[Any]) -> list[Any]:
    """What a rule's `value_set` says: the keys, or the token when there are many."""
    if len(keys) <= INLINE_KEYS:
        return sorted(keys)
    return [f"{_TOKEN}{relationship.to_dataset}.{relationship.to_column} ({relationship.name})"]


def resolve_reference(values: Sequence[Any] | None, references: Mapping[str, Any]) -> Any:
    """The keys that a token stands for; other values as they are."""
    if not values or len(values) != 1:
        return values
    token = next(iter(values))
    if not isinstance(token, str) or not token.startswith(_TOKEN):
        return values
    name = token.rpartition("(")[2].rstrip(")")
    if name not in references:
        raise RunError(f"the audit was given no keys for {token!r}")
    return references[name]
