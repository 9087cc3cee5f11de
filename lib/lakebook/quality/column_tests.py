"""Tests of a column's single values, as Narwhals expressions that are true where a rule holds.

`conditions` makes of each the rows that a rule looks at and those that break it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypeGuard

import narwhals as nw

from ..errors import ContractError

Schema = Mapping[str, nw.dtypes.DType]


def value(name: str, schema: Schema) -> nw.Expr:
    """The column with NaN as null."""
    column = nw.col(name)
    if schema[name].is_float():
        return nw.when(~column.is_nan()).then(column)
    return column


def missing(name: str, schema: Schema) -> nw.Expr:
    """Null or NaN, never null itself."""
    column = nw.col(name)
    if schema[name].is_float():
        return column.is_null() | column.is_nan().fill_null(False)
    return column.is_null()


def coerce(bound: Any, dtype: nw.dtypes.DType) -> Any:
    """A bound as YAML gave it, in the column's type: ISO dates for dates and timestamps."""
    if isinstance(bound, str) and dtype == nw.Date:
        return date.fromisoformat(bound[:10])
    if dtype == nw.Datetime:
        if isinstance(bound, str):
            return datetime.fromisoformat(bound)
        if isinstance(bound, date) and not isinstance(bound, datetime):
            return datetime(bound.year, bound.month, bound.day)
    if dtype == nw.Date and isinstance(bound, datetime):
        return bound.date()
    return bound


Test = Callable[[str, Mapping[str, Any], Schema], nw.Expr]


def between(measured: nw.Expr, kwargs: Mapping[str, Any], dtype: nw.dtypes.DType) -> nw.Expr:
    low, high = coerce(kwargs.get("min_value"), dtype), coerce(kwargs.get("max_value"), dtype)
    tests = []
    if low is not None:
        tests.append(measured > low if kwargs.get("strict_min") else measured >= low)
    if high is not None:
        tests.append(measured < high if kwargs.get("strict_max") else measured <= high)
    if not tests:
        raise ContractError("a between rule has neither min_value nor max_value")
    return functools.reduce(operator.and_, tests)


def _between(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return between(nw.col(name), kwargs, schema[name])


def _length_between(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return between(nw.col(name).str.len_chars(), kwargs, nw.Int64())


def _length_equals(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return nw.col(name).str.len_chars() == kwargs["value"]


def _is_column(values: Any) -> TypeGuard[nw.Series[Any]]:
    return isinstance(values, nw.Series) and values.implementation.is_polars()


def is_in(name: str, values: Iterable[Any], schema: Schema) -> nw.Expr:
    if _is_column(values) and len(values) and values.dtype == schema[name]:
        return nw.col(name).is_in(values)  # as it is, without a Python object for each key
    wanted = [coerce(v, schema[name]) for v in values if v is not None]
    if not wanted:  # "IN ()" is no SQL
        return nw.col(name).is_null() & ~nw.col(name).is_null()
    return nw.col(name).is_in(wanted)


def _in_set(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return is_in(name, kwargs["value_set"], schema)


def _not_in_set(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return ~is_in(name, kwargs["value_set"], schema)


def _matches(name: str, regex: str, schema: Schema) -> nw.Expr:
    text = nw.col(name) if schema[name] == nw.String else nw.col(name).cast(nw.String)
    return text.str.contains(regex)


def _match(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return _matches(name, kwargs["regex"], schema)


def _not_match(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    return ~_matches(name, kwargs["regex"], schema)


def _match_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    join = operator.and_ if kwargs.get("match_on") == "all" else operator.or_
    return functools.reduce(join, (_matches(name, r, schema) for r in kwargs["regex_list"]))


def _not_match_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    tests = (~_matches(name, r, schema) for r in kwargs["regex_list"])
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
    return _matches(name, like_regex(kwargs["like_pattern"], kwargs.get("escape")), schema)


def _like_list(name: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    regexes = [like_regex(one, kwargs.get("escape")) for one in kwargs["like_pattern_list"]]
    return _match_list(name, {**kwargs, "regex_list": regexes}, schema)


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
