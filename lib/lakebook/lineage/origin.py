"""Where the value of an expression comes from: the rules for DuckDB's bound expressions.

An expression is a JSON object of DuckDB's plan (`plan`). A column that decides a value counts
as well as one that becomes it: the condition of a CASE, the keys and the order of a window, the
filter of an aggregate. A struct whose fields are put together in the query keeps them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Cell = tuple[str, str, str]
"""A column of a table in DuckDB: schema, table, column."""


class NotFollowed(Exception):
    """The SQL could not be followed to its columns; the text says why."""


@dataclass(frozen=True)
class Origin:
    """The columns that enter a value; `is_copy`: it is one column's value, unchanged.

    `fields`: of a struct (or of the structs in a list) whose fields are known one by one.
    """

    columns: frozenset[Cell] = frozenset()
    is_copy: bool = False
    fields: Mapping[str, Origin] | None = None


NOTHING = Origin()
Bound = Mapping[tuple[int, int], Origin]
"""Origins by the index of an operator and the place among its columns."""

_PICKS = {"first", "last", "any_value", "arbitrary", "mode", "list", "array_agg", "unnest"} | {
    f"{name}{end}" for name in ("arg_max", "arg_min") for end in ("", "_null", "_nulls_last")
}
_PICKS |= {"argmax", "argmin", "max_by", "min_by", "list_extract", "list_element", "array_extract"}
_PICKS |= {"WINDOW_LAG", "WINDOW_LEAD", "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE"}
_PICKS |= {"WINDOW_NTH_VALUE"}
"""Functions that give one of the values of their first argument, whole; or a list of them."""

_GETS = {"struct_extract", "struct_extract_at", "array_extract"}
"""Functions that give one field of a struct; the last one takes lists as well."""

_CLASSES = frozenset(
    f"BOUND_{name}"
    for name in (
        *("AGGREGATE", "BETWEEN", "CASE", "CAST", "COMPARISON", "CONJUNCTION", "CONSTANT"),
        *("FUNCTION", "OPERATOR", "PARAMETER", "REF", "UNNEST", "WINDOW"),
    )
)
_NO_VALUES = frozenset(("function_data", "bind_info", "return_type"))
"""What holds no expression over the rows: a lambda's body, whose captures are arguments."""


def merged(origins: Iterable[Origin]) -> Origin:
    """The origin of a value that is computed from others."""
    return Origin(frozenset[Cell]().union(*(one.columns for one in origins)))


def either(origins: Sequence[Origin]) -> Origin:
    """The origin of a value that is one of others: of rows that are put below each other."""
    first, *rest = origins
    if all(one == first for one in rest):
        return first
    fields = None
    names = [None if one.fields is None else list(one.fields) for one in origins]
    if first.fields is not None and all(name == names[0] for name in names):
        fields = {k: either([o.fields[k] for o in origins if o.fields]) for k in first.fields}
    return replace(merged(origins), fields=fields)


def origin(expression: Mapping[str, Any], below: Sequence[Origin], bound: Bound) -> Origin:
    """Of an expression over columns of these origins. Raises NotFollowed for an unknown class.

    Parameters
    ----------
    below: of the columns below the expression's operator, by their places.
    bound: of columns by the operator that makes them; DuckDB leaves some references so.
    """
    kind = expression["expression_class"]
    if kind == "BOUND_COLUMN_REF":
        place = expression["binding"]["table_index"], expression["binding"]["column_index"]
        if expression["depth"] or place not in bound:
            raise NotFollowed("a table function takes a column that is not found in DuckDB's plan")
        return bound[place]
    if kind not in _CLASSES:
        raise NotFollowed(f"DuckDB's plan has a {kind}, which is not known here")
    if kind == "BOUND_REF":
        return below[expression["index"]]
    inner = [origin(one, below, bound) for one in _inner(expression)]
    whole = merged(inner)
    if kind == "BOUND_CAST":
        return replace(whole, fields=_cast_fields(expression, inner[0]))
    if kind == "BOUND_UNNEST":
        return replace(whole, fields=inner[0].fields)
    if kind == "BOUND_WINDOW" and expression["type"] != "WINDOW_AGGREGATE":
        name = expression["type"]
    else:
        name = str(expression.get("name", ""))
    if name == "list_value" and inner:
        return replace(either(inner), is_copy=False)
    if name in ("struct_pack", "row"):
        names = _struct_names(expression["return_type"]) or []
        return replace(whole, fields=dict(zip(names, inner, strict=True)) if all(names) else None)
    if name in _GETS and expression["children"][0]["return_type"]["id"] == "STRUCT":
        return _field(expression["children"][1], inner[0].fields) or whole
    if name in _PICKS and inner and inner[0].fields is not None:
        by = merged(inner[1:])
        return replace(whole, fields=_plus(inner[0].fields, by))
    return whole


def _inner(value: Any) -> Iterator[Mapping[str, Any]]:
    """The expressions that stand right below an expression, wherever its class keeps them."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in _NO_VALUES:
                yield from _nearest(part)


def _nearest(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for part in value:
            yield from _nearest(part)
    elif isinstance(value, dict):
        if "expression_class" in value:
            yield value
        else:
            yield from _inner(value)


def _struct_names(kind: Mapping[str, Any]) -> list[str] | None:
    """The names of a struct's fields, also of the structs in a list; None for other types."""
    info = kind.get("type_info") or {}
    if kind["id"] == "STRUCT":
        return [child["first"] for child in info["child_types"]]
    if kind["id"] in ("LIST", "ARRAY"):
        return _struct_names(info["child_type"])
    return None


def _cast_fields(expression: Mapping[str, Any], inner: Origin) -> Mapping[str, Origin] | None:
    """A struct is cast field by field, by their names; one that it has not is null."""
    names = _struct_names(expression["return_type"])
    if inner.fields is None or names is None:
        return None
    had = {name.lower(): one for name, one in inner.fields.items()}
    if not {name.lower() for name in names} & {*had}:
        return None
    return {name: replace(had.get(name.lower(), NOTHING), is_copy=False) for name in names}


def _field(key: Mapping[str, Any], fields: Mapping[str, Origin] | None) -> Origin | None:
    """The field that a constant names, or counts from 1; None if that is not known."""
    while key["expression_class"] == "BOUND_CAST":
        key = key["child"]
    if key["expression_class"] != "BOUND_CONSTANT" or fields is None:
        return None
    wanted = key["value"].get("value")
    if isinstance(wanted, int):
        return list(fields.values())[wanted - 1] if 0 < wanted <= len(fields) else None
    return next((one for name, one in fields.items() if name.lower() == wanted.lower()), None)


def _plus(fields: Mapping[str, Origin], by: Origin) -> Mapping[str, Origin]:
    return {
        name: Origin(
            one.columns | by.columns, fields=None if one.fields is None else _plus(one.fields, by)
        )
        for name, one in fields.items()
    }
