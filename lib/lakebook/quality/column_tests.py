"""Tests of a column's single values, as Narwhals expressions that are true where a rule holds.

`conditions` makes of each the rows that a rule looks at and those that break it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

import narwhals as nw

from ..contract.patterns import engine_regex
from .typed import Schema, between, decimal_among, exact

Test = Callable[[str, Mapping[str, Any], Schema], nw.Expr]


def _between(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return between(exact(name, schema), kwargs, schema[name])


def _length_between(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return between(nw.col(name).str.len_chars(), kwargs, nw.Int64())


def _length_equals(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    bounds = {"min_value": kwargs["value"], "max_value": kwargs["value"]}
    return between(nw.col(name).str.len_chars(), bounds, nw.Int64())


def _is_column(values: Any) -> TypeGuard[nw.Series[Any]]:
    return isinstance(values, nw.Series) and values.implementation.is_polars()


def is_in(name: str, values: Iterable[Any], schema: Schema) -> nw.Expr:
    """Whether a present value is one of the bound ones; null among these counts for nothing."""
    if _is_column(values) and len(values) and values.dtype == schema[name]:
        return nw.col(name).is_in(values)  # as it is, without a Python object for each key
    wanted = [one for one in values if one is not None]
    if not wanted:  # "IN ()" is no SQL
        return nw.col(name).is_null() & ~nw.col(name).is_null()
    kind = schema[name]
    if isinstance(kind, nw.Decimal):
        return decimal_among(nw.col(name), wanted, kind.scale)
    return exact(name, schema).is_in(wanted)


def _in_set(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return is_in(name, kwargs["value_set"], schema)


def _not_in_set(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return ~is_in(name, kwargs["value_set"], schema)


def _matches(name: str, regex: str) -> nw.Expr:
    return nw.col(name).str.contains(engine_regex(regex))


def _match(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return _matches(name, kwargs["regex"])


def _not_match(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return ~_matches(name, kwargs["regex"])


def _match_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    join = operator.and_ if kwargs.get("match_on") == "all" else operator.or_
    return functools.reduce(join, (_matches(name, r) for r in kwargs["regex_list"]))


def _not_match_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    tests = (~_matches(name, r) for r in kwargs["regex_list"])
    return functools.reduce(operator.and_, tests)


def like_regex(pattern: str, escape: str | None = None) -> str:
    """SQL's LIKE as a regular expression that Rust, RE2 and Java read alike, for a whole text."""
    found, letters = [], iter(pattern)
    for letter in letters:
        if escape and letter == escape:
            letter = next(letters, letter)
        elif letter in "%_":
            found.append(".*" if letter == "%" else ".")
            continue
        found.append(f"\\{letter}" if letter in r"\.+*?()|[]{}^$" else letter)
    return rf"(?s)\A{''.join(found)}\z"


def _like(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return nw.col(name).str.contains(like_regex(kwargs["like_pattern"], kwargs.get("escape")))


def _like_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    join = operator.and_ if kwargs.get("match_on") == "all" else operator.or_
    regexes = (like_regex(one, kwargs.get("escape")) for one in kwargs["like_pattern_list"])
    return functools.reduce(join, (nw.col(name).str.contains(regex) for regex in regexes))


def _any_like(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return _like_list(name, {**kwargs, "match_on": "any"}, schema)


COLUMN_TESTS: dict[str, Test] = {
    "column_values.between": _between,
    "column_values.in_set": _in_set,
    "column_values.not_in_set": _not_in_set,
    "column_values.match_regex": _match,
    "column_values.not_match_regex": _not_match,
    "column_values.match_regex_list": _match_list,
    "column_values.not_match_regex_list": _not_match_list,
    "column_values.match_like_pattern": _like,
    "column_values.not_match_like_pattern": lambda *of: ~_like(*of),
    "column_values.match_like_pattern_list": _like_list,
    "column_values.not_match_like_pattern_list": lambda *of: ~_any_like(*of),
    "column_values.value_length.between": _length_between,
    "column_values.value_length.equals": _length_equals,
}
