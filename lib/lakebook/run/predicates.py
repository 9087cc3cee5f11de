"""Whether a predicate on a time column may hold in a partition, as DuckDB's plan shows it.

A predicate that is not understood here may hold everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        case "COMPARE_IN" if _is_column(node["children"][0]):
            values = node["children"][1:]
            return any(_compares_to("COMPARE_EQUAL", v, span, column) for v in values)
        case "COMPARE_BETWEEN" if _is_column(node["input"]):
            low = "COMPARE_GREATERTHAN" + ("OREQUALTO" if node["lower_inclusive"] else "")
            high = "COMPARE_LESSTHAN" + ("OREQUALTO" if node["upper_inclusive"] else "")
            return _compares_to(low, node["lower"], span, column) and _compares_to(
                high, node["upper"], span, column
            )
        case str() if node.get("expression_class") == "BOUND_COMPARISON":
            left, right = node["left"], node["right"]
            if _is_column(left):
                return _compares_to(kind, right, span, column)
            if _is_column(right):
                return _compares_to(_SWAPPED.get(kind, kind), left, span, column)
    return True


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
