"""Whether a predicate on a time column may hold in a partition, as DuckDB's plan shows it.

A predicate that is not understood here may hold everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ..contract.model import TableContract
from ..contract.time import bounds
from ..errors import UserError
from ..intervals import NULL, partition_interval

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_SWAPPED = {
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}

Node = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """First and last value of a partition, as DuckDB writes them; none where all are null."""

    values: tuple[int, int] | None


def span_of(contract: TableContract, partition: str) -> Span | None:
    """None where a partition's name does not say what it holds."""
    if partition == NULL:
        return Span(None)
    try:
        low, end = bounds(contract, partition_interval(partition))
    except UserError:
        return None
    return Span((_number(low), _number(end) - 1))


def _number(value: date | datetime) -> int:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return (value - _EPOCH.date()).days


def _date(value: int, column: str) -> date:
    if column == "DATE":
        return (_EPOCH + timedelta(days=value)).date()
    return (_EPOCH + value * _MICROSECOND).date()


def may_hold(node: Node, span: Span, column: str) -> bool:
    """Whether a predicate may hold for a value of the partition. In doubt it may."""
    kind = node.get("filter_type") or node.get("type")
    match kind:
        case "CONJUNCTION_AND":
            return all(may_hold(child, span, column) for child in _children(node))
        case "CONJUNCTION_OR":
            return any(may_hold(child, span, column) for child in _children(node))
        case "OPTIONAL_FILTER":
            return may_hold(node.get("child_filter") or {}, span, column)
        case "EXPRESSION_FILTER":
            return may_hold(node.get("expr") or {}, span, column)
        case "IS_NULL" | "OPERATOR_IS_NULL":
            return span.values is None or not _is_of_column(node)
        case "IS_NOT_NULL" | "OPERATOR_IS_NOT_NULL":
            return span.values is not None or not _is_of_column(node)
        case "CONSTANT_COMPARISON":
            return _compares(node["comparison_type"], node["constant"], span, column)
        case "IN_FILTER":
            return any(_compares("COMPARE_EQUAL", v, span, column) for v in node["values"])
        case "COMPARE_IN" if measured := _measure(node["children"][0], span, column):
            values = node["children"][1:]
            return any(_compares_to("COMPARE_EQUAL", v, *measured) for v in values)
        case "COMPARE_BETWEEN" if measured := _measure(node["input"], span, column):
            low = "COMPARE_GREATERTHAN" + ("OREQUALTO" if node["lower_inclusive"] else "")
            high = "COMPARE_LESSTHAN" + ("OREQUALTO" if node["upper_inclusive"] else "")
            return _compares_to(low, node["lower"], *measured) and _compares_to(
                high, node["upper"], *measured
            )
        case str() if node.get("expression_class") == "BOUND_COMPARISON":
            left, right = node["left"], node["right"]
            if measured := _measure(left, span, column):
                return _compares_to(kind, right, *measured)
            if measured := _measure(right, span, column):
                return _compares_to(_SWAPPED.get(kind, kind), left, *measured)
    return True


def _measure(node: Node, span: Span, column: str) -> tuple[Span, str] | None:
    """What the column or a part of its date takes in the partition, and its type in DuckDB.

    None for another expression, and for a part that begins anew within the partition.
    """
    if _is_column(node):
        return span, column
    part, children = _PARTS.get(node.get("name", "")), node.get("children") or []
    if part is None or len(children) != 1 or not _is_column(children[0]):
        return None
    if [one.get("id") for one in node["arguments"]] != [column]:
        return None
    if span.values is None:
        return span, "BIGINT"
    first, last = (_date(value, column) for value in span.values)
    whole, value = part
    return (Span((value(first), value(last))), "BIGINT") if whole(first) == whole(last) else None


_Of = Callable[[date], Any]
_PARTS: Mapping[str, tuple[_Of, _Of]] = {
    "year": (lambda day: None, lambda day: day.year),
    "quarter": (lambda day: day.year, lambda day: (day.month + 2) // 3),
    "month": (lambda day: day.year, lambda day: day.month),
    "day": (lambda day: (day.year, day.month), lambda day: day.day),
}
"""Functions of a date that grow with it, each within what is the same of all its dates."""


def _children(node: Node) -> Sequence[Node]:
    return node.get("child_filters") or node.get("children") or ({},)


def _is_column(node: Node) -> bool:
    return node.get("expression_class") == "BOUND_REF"


def _is_of_column(node: Node) -> bool:
    """Of the column itself: a filter without an expression, or an expression on just that."""
    return "filter_type" in node or _is_column((node.get("children") or [{}])[0])


def _compares_to(comparison: str, node: Node, span: Span, column: str) -> bool:
    if node.get("expression_class") != "BOUND_CONSTANT":
        return True
    return _compares(comparison, node["value"], span, column)


def _compares(comparison: str, constant: Node, span: Span, column: str) -> bool:
    value = constant.get("value")
    if (constant.get("type") or {}).get("id") != column or not isinstance(value, int):
        return True
    if span.values is None:
        return comparison not in _NEVER_NULL
    first, last = span.values
    match comparison:
        case "COMPARE_EQUAL":
            return first <= value <= last
        case "COMPARE_LESSTHAN":
            return first < value
        case "COMPARE_LESSTHANOREQUALTO":
            return first <= value
        case "COMPARE_GREATERTHAN":
            return last > value
        case "COMPARE_GREATERTHANOREQUALTO":
            return last >= value
    return True


_NEVER_NULL = {"COMPARE_EQUAL", "COMPARE_NOTEQUAL", *_SWAPPED}
