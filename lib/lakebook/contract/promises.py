"""Rules that a column makes without a rule's words: `unique`, `enum`, `logicalTypeOptions` and the
length of `varchar(20)`.

They are rules like all others, bound to the column's type when the contract is read. An option that
no rule can say is refused, unless the column's type says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .arguments import UnfitArgument, bind
from .expectations import SATISFY
from .model import Column, Rule, Scope
from .numerals import Rounded
from .reader import Reader
from .types import longest
from .values import INTEGERS

_IN_SET = "expect_column_values_to_be_in_set"
_BETWEEN = "expect_column_values_to_be_between"
_LENGTHS = "expect_column_value_lengths_to_be_between"
_REGEX = "expect_column_values_to_match_regex"

_OPTIONS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "minLength": (_LENGTHS, "min_value", {}),
    "maxLength": (_LENGTHS, "max_value", {}),
    "pattern": (_REGEX, "regex", {}),
    "minimum": (_BETWEEN, "min_value", {}),
    "exclusiveMinimum": (_BETWEEN, "min_value", {"strict_min": True}),
    "maximum": (_BETWEEN, "max_value", {}),
    "exclusiveMaximum": (_BETWEEN, "max_value", {"strict_max": True}),
}
"""Class and argument of the options that are a rule as they stand."""

_PAIRS = (
    ("minLength", "maxLength"),
    *((low, high) for low in ("minimum", "exclusiveMinimum")
      for high in ("maximum", "exclusiveMaximum")),
)  # fmt: skip

_SAME = {  # a format that says no more than the physicalType: no rule
    "int32": "i32", "int64": "i64", "float32": "f32", "float64": "f64",
    "date": "yyyy-MM-dd", "binary": "binary",
}  # fmt: skip
_HEX = "[0-9A-Fa-f]"
_UUID = f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"
_UTC = ("UTC", "Etc/UTC")


def promised_rules(table: Reader, columns: tuple[Column, ...]) -> Iterator[Rule]:
    """The rules of all columns, with the action `fail`. Raises ContractError with a line."""
    types = {column.name: column.type for column in columns}
    for column in table.items("properties"):
        if column["unique"] is True:
            yield _rule(
                column,
                ("unique",),
                "expect_column_values_to_be_unique",
                {},
                scope="table",
                dimension="uniqueness",
                said="unique: true",
            )
        if most := longest(column["physicalType"]):
            yield _rule(
                column, ("physicalType",), _LENGTHS, {"max_value": most},
                said=f"physicalType: {column['physicalType']}",
            )  # fmt: skip
        if column["enum"]:
            yield _enum(column, types)
        if column["logicalTypeOptions"]:
            yield from _options(column, types[column["name"]], types)


def _rule(
    column: Reader,
    place: tuple[str, ...],
    expectation: str,
    kwargs: Mapping[str, Any],
    *,
    scope: Scope = "row",
    dimension: str = "conformity",
    said: str = "",
) -> Rule:
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in place[-1])
    return Rule(
        name=f"{column['name']}_{snake}",
        expectation=expectation,
        kwargs=kwargs if expectation == SATISFY else {"column": column["name"], **kwargs},
        action="fail",
        scope=scope,
        reason=f"The contract says {said or place[-1]}.",
        dimension=dimension,
        line=column.document.line((*column.place, *place)),
    )


def _enum(column: Reader, types: Mapping[str, str]) -> Rule:
    """One of the listed values, or none: the rest of an entry is for people."""
    values = []
    for i, entry in enumerate(column["enum"]):
        place = ("enum", i, "value")
        if entry["value"] is None:
            if column["required"]:
                raise column.error(
                    f"the enum of {column['name']!r} has null, and the column is required",
                    *place,
                    fix="take one of them out",
                )
            continue  # null is always allowed where the column is not required
        rule = _rule(column, ("enum",), _IN_SET, {"value_set": [entry["value"]]})
        _bind(column, rule.kwargs, _IN_SET, types, *place)
        values.append(entry["value"])
    if not values:
        raise column.error(f"the enum of {column['name']!r} has no value", "enum")
    return _rule(column, ("enum",), _IN_SET, {"value_set": values}, said="enum")


def _options(column: Reader, kind: str, types: Mapping[str, str]) -> Iterator[Rule]:
    given: Mapping[str, Any] = column["logicalTypeOptions"]
    for key, value in given.items():
        place = ("logicalTypeOptions", key)
        said = f"{key}: {value}"
        if key in _OPTIONS:
            expectation, argument, more = _OPTIONS[key]
            rule = _rule(column, place, expectation, {argument: value, **more}, said=said)
            _bind(column, rule.kwargs, expectation, types, *place)
            yield rule
        elif key == "multipleOf":
            if text := _multiple(column, kind, value):
                kwargs = {"column_list": [column["name"]], "expression": text}
                yield _rule(column, place, SATISFY, kwargs, said=said)
        elif key == "format":
            if kind == "string" and value == "uuid":
                yield _rule(column, place, _REGEX, {"regex": _UUID}, said=said)
            elif value != _SAME.get(kind):
                raise _no_format(column, kind, value)
        else:
            _check_zone(column, key, value)
    for low, high in _PAIRS:
        if low in given and high in given:
            expectation = _OPTIONS[low][0]
            both = {"min_value": given[low], "max_value": given[high]}
            kwargs = {"column": column["name"], **both}
            _bind(column, kwargs, expectation, types, "logicalTypeOptions", low)


def _bind(
    column: Reader,
    kwargs: Mapping[str, Any],
    expectation: str,
    types: Mapping[str, str],
    *place: str | int,
) -> None:
    try:
        bind(expectation, kwargs, types)
    except UnfitArgument as problem:
        what = "enum" if place[0] == "enum" else place[-1]
        raise column.error(
            f"{what} of {column['name']!r}: {problem.found}", *place, fix=problem.fix
        ) from None


def _multiple(column: Reader, kind: str, of: int | float) -> str:
    """The condition on a row; empty if each value of the type is a multiple."""
    exact = Decimal(of.text if isinstance(of, Rounded) else str(of))
    if kind in INTEGERS and Decimal(1) % exact == 0:
        return ""
    if kind in INTEGERS and exact == int(exact) and exact < INTEGERS[kind]:
        return f'"{column["name"]}" is null or "{column["name"]}" % {int(exact)} = 0'
    if kind.startswith("decimal"):
        scale = int(kind.removesuffix(")").partition(",")[2])
        if (Fraction(1, 10**scale) / Fraction(exact)).denominator == 1:
            return ""
    raise column.error(
        f"multipleOf of {column['name']!r} is {of}, and the column is {kind}",
        "logicalTypeOptions",
        "multipleOf",
        fix="give a whole number to a column of integers; of a decimal(p,s), the scale says it",
    )


def _no_format(column: Reader, kind: str, value: Any) -> Exception:
    fix = "write a pattern" if kind == "string" else "leave it out, or change the physicalType"
    if kind in _SAME:
        fix = f"write {_SAME[kind]}, which {kind} is, or leave it out"
    return column.error(
        f"the format {value!r} of {column['name']!r} is not checked by Lakebook, and its "
        f"physicalType is {kind}",
        "logicalTypeOptions",
        "format",
        fix=fix,
    )


def _check_zone(column: Reader, key: str, value: Any) -> None:
    """`timezone` and `defaultTimezone`: a timestamp has no zone and is in UTC."""
    if value is False or value in _UTC:
        return
    raise column.error(
        f"{key} of {column['name']!r} is {value!r}, and a timestamp has no zone and is in UTC",
        "logicalTypeOptions",
        key,
        fix="turn it to UTC in the notebook, and leave this out",
    )
