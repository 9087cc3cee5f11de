"""A rule's arguments as they are evaluated: bound once, typed by the columns that they meet.

Great Expectations coerces arguments too, but only once the data has been computed, and by itself:
`or_equal: no` to false, an integer beyond 2^53 to another one. What is bound here equals what it
would make, or is exact where it is not; tests/quality/test_binding.py compares the two. Whatever
does not fit is refused when the contract is read, and nothing heavy is imported for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ContractError, did_you_mean
from . import values
from .expectations import ALLOWED, BY_SQL, EXPECTATIONS, OWN, Expectation
from .fits import check_columns
from .patterns import engine_regex

Types = Mapping[str, str]
"""The column types of a table by name."""

_OWN_BOUNDS = (  # of the column's own type; those of other classes are numbers
    "expect_column_values_to_be_between",
    "expect_column_max_to_be_between",
    "expect_column_min_to_be_between",
)
_COUNTS = (  # whose bounds and values are whole numbers
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_unique_value_count_to_be_between",
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
)
_SUMMED_AS = (values.is_decimal, values.is_float)
_PAIR = ("both_values_are_missing", "either_value_is_missing", "neither")
_RECORD = ("all_values_are_missing", "any_value_is_missing", "never")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "match_on": ("any", "all"),
    "method": ("iqr", "std"),
    "allow_relative_error": (False, "linear", "lower", "higher", "midpoint", "nearest"),
    "condition_parser": ("pandas", "great_expectations", "spark"),
}
_FLAGS = ("strict_min", "strict_max", "or_equal", "double_sided", "ties_okay", "exact_match")
_MAY_BE_NULL = (
    *("min_value", "max_value", "or_equal", "ties_okay", "exact_match", "column_index"),
    *("escape", "row_condition", "condition_parser"),
)
LEAST_COLUMNS = 2


class UnfitArgument(ContractError):
    """An argument that cannot be used; `argument` is its name, empty if it is missing."""

    argument: str = ""


def unfit(argument: str, found: str, fix: str = "") -> UnfitArgument:
    made = UnfitArgument(found, fix=fix)
    made.argument = argument
    return made


def bind(expectation: str, kwargs: Mapping[str, Any], types: Types) -> dict[str, Any]:
    """The arguments of a rule as audit and split evaluate them.

    `types` has the table's columns, of which the rule's must be some. Raises UnfitArgument for the
    first argument that does not fit, UnfitArgument without a name for a class that does not fit its
    column.
    """
    if expectation in {**OWN, **BY_SQL}:
        return dict(kwargs)  # as `sql_rules` or a relationship has made them
    if ALLOWED in kwargs:
        rest = {key: value for key, value in kwargs.items() if key != ALLOWED}
        return {**bind(expectation, rest, types), ALLOWED: kwargs[ALLOWED]}
    known = EXPECTATIONS[expectation]
    bounds = [kwargs.get(key) for key in ("min_value", "max_value")]
    if "min_value" in known.arguments and bounds == [None, None]:
        raise unfit("", "has neither min_value nor max_value", "give one of them, or both")
    bound: dict[str, Any] = {}
    for key, given in kwargs.items():
        if isinstance(given, dict) and any(str(word).startswith("$") for word in given):
            raise unfit(
                key,
                f"{key} is worked out when the rule runs ({given})",
                "write its value: a verdict must not depend on when it was made",
            )
        if given is None and key in _MAY_BE_NULL:
            bound[key] = None
            continue
        try:
            bound[key] = _bound(expectation, known, key, given, kwargs, types)
        except UnfitArgument:
            raise
        except ContractError as problem:
            raise unfit(key, f"{key}: {problem.found}", problem.fix) from None
    try:
        check_columns(expectation, bound, types)
    except ContractError as problem:
        raise unfit("", problem.found, problem.fix) from None
    _check_order(bound)
    return bound


def _bound(
    expectation: str,
    known: Expectation,
    key: str,
    given: Any,
    kwargs: Mapping[str, Any],
    types: Types,
) -> Any:
    column = types.get(str(kwargs.get("column")), "")
    if key in _FLAGS:
        return values.flag(given)
    if key in ("min_value", "max_value"):
        if expectation in _COUNTS:
            return values.whole(given)
        if expectation in _OWN_BOUNDS:
            check_columns(expectation, kwargs, types)  # says it better than the bound's own type
            return values.bound_in(column, given)
        return _figure(column, given)
    if key in ("value", "column_index"):
        return values.whole(given)
    if key == "sum_total":
        kinds = {types.get(str(name), "") for name in _list(kwargs.get("column_list"))}
        kind = next((one for of in _SUMMED_AS for one in kinds if of(one)), "")
        return _figure(kind, given)
    if key in ("threshold", "multiplier"):
        found = float(values.number(given, finite=True, nearest=True))
        if key == "multiplier" and found < 0:
            raise unfit(key, f"multiplier is {given!r}", "give a number that is not negative")
        return found
    if key == "mostly":
        share = values.number(given, nearest=True)
        if not 0 <= share <= 1:
            raise unfit(key, f"mostly is {given!r}", "give a share from 0 to 1")
        return share
    if key == "value_set":
        check_columns(expectation, kwargs, types)
        return [
            None if one is None else values.value_in(column, one)
            for one in _items(key, given, least=1)
        ]
    if key == "value_pairs_set":
        return _pairs(given, kwargs, types)
    other = _WORDS.get(key)
    if other:
        return other(known, key, given)
    if key in _CHOICES or key == "ignore_row_if":
        return _choice(known, key, given)
    return given


def _figure(kind: str, given: Any) -> Any:
    """The bound of a measure: a number, to decimals an exact one."""
    if values.is_decimal(kind):
        return values.bound_in(kind, given)
    return values.number(given, nearest=values.is_float(kind))


def _choice(known: Expectation, key: str, given: Any) -> Any:
    choices = _CHOICES.get(key) or (_PAIR if "column_A" in known.required else _RECORD)
    named = [one for one in choices if isinstance(one, str)]
    if given not in named and not (given is False and False in choices):
        guess = did_you_mean(str(given), named)
        raise unfit(key, f"{key} is {given!r}{guess}", f"use one of {', '.join(named)}")
    return given


def _regexes(known: Expectation, key: str, given: Any) -> Any:
    for regex in _texts(known, key, given) if key.endswith("_list") else [_text(known, key, given)]:
        try:
            engine_regex(regex)
        except ContractError as problem:
            raise unfit(key, problem.found, problem.fix) from None
    return given


def _text(_: Expectation, key: str, given: Any) -> str:
    if not isinstance(given, str):
        raise unfit(key, f"{key} is {given!r}, not a text", "put it in quotes")
    if key == "escape" and len(given) != 1:
        raise unfit(key, f"escape is {given!r}", "give one character")
    return given


def _texts(known: Expectation, key: str, given: Any) -> list[str]:
    return [_text(known, key, one) for one in _items(key, given, least=1)]


def _columns(known: Expectation, key: str, given: Any) -> list[str]:
    names = [_text(known, key, one) for one in _items(key, given)]
    least = LEAST_COLUMNS if "row_condition" in known.arguments else 1
    if len(names) < least:
        raise unfit(key, f"{key} has {len(names)} columns", f"name at least {least}")
    if len(set(names)) < len(names):
        raise unfit(key, f"{key} names a column twice", "name each once")
    return names


def _ranges(_: Expectation, key: str, given: Any) -> dict[str, Any]:
    fix = "write {quantiles: [0.5], value_ranges: [[10, 20]]}; null leaves an end open"
    wrong = unfit(key, "quantile_ranges does not give each quantile from 0 to 1 a range", fix)
    if not isinstance(given, dict) or set(given) != {"quantiles", "value_ranges"}:
        raise wrong
    shares, ranges = given["quantiles"], given["value_ranges"]
    if not isinstance(shares, list) or not isinstance(ranges, list):
        raise wrong
    if len(shares) != len(ranges) or not shares:
        raise wrong
    if not all(isinstance(one, list) and len(one) == 2 for one in ranges):
        raise wrong
    found = [float(values.number(share, nearest=True)) for share in shares]
    if not all(0 <= share <= 1 for share in found):
        raise wrong
    ends = [[None if end is None else values.number(end) for end in one] for one in ranges]
    if any(low is not None and high is not None and low > high for low, high in ends):
        raise unfit(key, "quantile_ranges has a range from a greater to a lesser number", fix)
    return {"quantiles": found, "value_ranges": ends}


_WORDS: dict[str, Callable[[Expectation, str, Any], Any]] = {
    "regex": _regexes,
    "regex_list": _regexes,
    "like_pattern": _text,
    "like_pattern_list": _texts,
    "escape": _text,
    "column": _text,
    "column_A": _text,
    "column_B": _text,
    "column_list": _columns,
    "column_set": _columns,
    "quantile_ranges": _ranges,
}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _items(key: str, given: Any, *, least: int = 0) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise unfit(key, f"{key} is not a list", f"write {key}: […]")
    if len(given) < least:
        raise unfit(key, f"{key} is empty", f"write {key}: […]")
    return list(given)


def _pairs(given: Any, kwargs: Mapping[str, Any], types: Types) -> list[tuple[Any, Any]]:
    kinds = [types.get(str(kwargs.get(key)), "") for key in ("column_A", "column_B")]
    found = []
    for pair in _items("value_pairs_set", given, least=1):
        if not isinstance(pair, list | tuple) or len(pair) != len(kinds):
            raise unfit(
                "value_pairs_set", f"value_pairs_set has {pair!r}", "write pairs: [[1, 2], [3, 4]]"
            )
        typed = zip(kinds, pair, strict=True)
        a, b = (None if one is None else values.value_in(kind, one) for kind, one in typed)
        found.append((a, b))
    return found


def _check_order(bound: Mapping[str, Any]) -> None:
    low, high = bound.get("min_value"), bound.get("max_value")
    if low is not None and high is not None and low > high:
        raise unfit(
            "min_value", f"min_value {low} is greater than max_value {high}", "exchange them"
        )
