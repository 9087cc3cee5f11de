"""Key values of referenced datasets, and the token that stands for them in a suite.

A rule with keys in its arguments would put them into every result, report and metric name, and they
are values of another table, which may be classified; so a suite names a reference by a token, which
the engine replaces by the keys. Keys of several columns are looked up by a join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract.model import Relationship, TableContract
from ..errors import RunError

if TYPE_CHECKING:
    import narwhals as nw

_TOKEN = "keys of "


@dataclass(frozen=True)
class KeyRows:
    """The keys of several columns, as rows that the engine joins. Other columns are left out."""

    frame: nw.LazyFrame[Any]
    relationship: Relationship


Keys = Sequence[Any] | KeyRows


def bound_keys(contract: TableContract, given: Mapping[str, Any] | None) -> dict[str, Keys]:
    """The keys of a contract's relationships, by name, as far as they are given."""
    several = {one.name: one for one in contract.relationships if one.others}
    return {
        name: KeyRows(keys.lazy(), several[name]) if name in several else key_values(keys)
        for name, keys in (given or {}).items()
    }


def key_values(given: Any) -> Sequence[Any]:
    """Distinct keys without null: a Narwhals series stays one, a list or Arrow array gives a list.

    A series holds its keys in a column's memory, a tenth of that of as many Python objects.
    """
    if hasattr(given, "drop_nulls"):
        keys: Sequence[Any] = given.drop_nulls()
        return keys
    values = given.to_pylist() if hasattr(given, "to_pylist") else given
    return [value for value in values if value is not None]


def value_set(relationship: Relationship) -> list[Any]:
    """What a rule's `value_set` says: the token."""
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


def mark_of(name: str) -> str:
    """The column that says of a row that the keys of a relationship hold its own."""
    return f"__key of {name}"


def marked(frame: nw.LazyFrame[Any], references: Mapping[str, Keys]) -> nw.LazyFrame[Any]:
    """The frame with a mark for each key of several columns: true where it is there, else null."""
    import narwhals as nw

    for name, keys in references.items():
        if not isinstance(keys, KeyRows):
            continue
        mine, theirs = keys.relationship.columns, keys.relationship.to_columns
        names = [f"{mark_of(name)} {number}" for number in range(len(theirs))]
        of_key = {new: nw.col(old) for new, old in zip(names, theirs, strict=True)}
        rows = keys.frame.select(**of_key).drop_nulls().unique()
        rows = rows.with_columns(**{mark_of(name): nw.lit(True)})
        frame = frame.join(rows, left_on=list(mine), right_on=names, how="left")
    return frame


def without_marks(frame: nw.LazyFrame[Any], references: Mapping[str, Keys]) -> nw.LazyFrame[Any]:
    names = [mark_of(name) for name, keys in references.items() if isinstance(keys, KeyRows)]
    return frame.drop(*names) if names else frame
