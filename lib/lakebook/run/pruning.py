"""Which partitions a query can need, by its own predicates on the time columns.

DuckDB itself says it: the query is planned over tables without rows, and what the optimizer pushes
down to a table must hold for each of its rows that counts, whatever joins, subqueries and WITH
clauses stand between. A predicate that is not understood here excludes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..contract.time import bounds
from ..engines.duckdb_input import Input
from ..errors import UserError
from ..intervals import NULL, WHOLE, partition_interval

if TYPE_CHECKING:
    import duckdb

    from ..contract.model import TableContract
    from ..names import Dataset

# What only rewrites and pushes predicates. The rest is left out: some of it concludes from tables
# without rows what does not hold for the full ones, and some makes plans that cannot be shown.
_OPTIMIZERS = {
    "expression_rewriter", "filter_pullup", "filter_pushdown", "cte_filter_pusher", "in_clause",
    "deliminator", "cte_inlining",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_SWAPPED = {
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
_COLUMN_TYPES = {"date": "DATE", "timestamp": "TIMESTAMP"}

Node = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What each scan of a dataset keeps of its time column; no scan: nothing is known."""

    contract: TableContract
    scans: tuple[tuple[Node, ...], ...] = ()

    def among(self, partitions: Iterable[str]) -> tuple[str, ...]:
        """The partitions that may hold a row that counts."""
        return tuple(name for name in partitions if self.may_need(name))

    def may_need(self, partition: str) -> bool:
        if not self.scans or partition == WHOLE:
            return True
        span = _span(self.contract, partition)
        return span is None or any(
            all(_may(node, span, self._type) for node in scan) for scan in self.scans
        )

    @property
    def _type(self) -> str:
        assert self.contract.time is not None
        return _COLUMN_TYPES[self.contract.column(self.contract.time.column).type]


@dataclass(frozen=True)
class _Span:
    """First and last value of a partition, as DuckDB writes them; none where all are null."""

    values: tuple[int, int] | None


def plan_scans(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: Sequence[tuple[TableContract, Input]]
) -> Mapping[Dataset, Wanted]:
    """Plan a query over empty tables, which are gone afterwards; what each dataset's scans keep.

    The query's own problems are not reported: whoever runs it will meet them.
    """
    if all(contract.time is None for contract, _ in tables):
        return {one.dataset: Wanted(contract) for contract, one in tables}
    for _, one in tables:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{one.dataset.layer}"')
        connection.execute(one.empty_table_sql())
    found = _plan(connection, sql)
    for _, one in tables:
        connection.execute(f"DROP TABLE {one.table}")
    scans = list(nodes_of(found, "LOGICAL_GET"))
    return {one.dataset: Wanted(contract, _of(contract, one, scans)) for contract, one in tables}


def _plan(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    known = [name for (name,) in connection.execute("FROM duckdb_optimizers()").fetchall()]
    off = ",".join(name for name in known if name not in _OPTIMIZERS)
    connection.execute(f"SET disabled_optimizers = '{off}'")
    try:
        asked = connection.execute("SELECT json_serialize_plan(?, optimize := true)", [sql])
        return json.loads(asked.fetchall()[0][0])
    finally:
        connection.execute("RESET disabled_optimizers")


def nodes_of(tree: Any, kind: str) -> Iterator[Node]:
    """The nodes of a type in what DuckDB shows of a text or a plan."""
    if isinstance(tree, dict):
        if tree.get("type") == kind:
            yield tree
        for value in tree.values():
            yield from nodes_of(value, kind)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes_of(value, kind)


def _of(
    contract: TableContract, table: Input, scans: Sequence[Node]
) -> tuple[tuple[Node, ...], ...]:
    """The predicates on the time column, by scan of one table."""
    if contract.time is None:
        return ()
    found = []
    for scan in scans:
        place = scan.get("function_data") or {}
        if (place.get("schema"), place.get("table")) != (table.dataset.layer, table.dataset.name):
            continue
        filters = (scan.get("table_filters") or {}).get("filters") or ()
        names = scan["names"]
        found.append(tuple(f["value"] for f in filters if names[f["key"]] == contract.time.column))
    return tuple(found)


def _span(contract: TableContract, partition: str) -> _Span | None:
    """None where a partition's name does not say what it holds."""
    if partition == NULL:
        return _Span(None)
    try:
        low, end = bounds(contract, partition_interval(partition))
    except UserError:
        return None
    return _Span((_number(low), _number(end) - 1))


def _number(value: date | datetime) -> int:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return (value - _EPOCH.date()).days


def _may(node: Node, span: _Span, column: str) -> bool:
    """Whether a predicate may hold for a value of the partition. In doubt it may."""
    kind = node.get("filter_type") or node.get("type")
    match kind:
        case "CONJUNCTION_AND":
            return all(_may(child, span, column) for child in _children(node))
        case "CONJUNCTION_OR":
            return any(_may(child, span, column) for child in _children(node))
        case "OPTIONAL_FILTER":
            return _may(node.get("child_filter") or {}, span, column)
        case "EXPRESSION_FILTER":
            return _may(node.get("expr") or {}, span, column)
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


def _compares_to(comparison: str, node: Node, span: _Span, column: str) -> bool:
    if node.get("expression_class") != "BOUND_CONSTANT":
        return True
    return _compares(comparison, node["value"], span, column)


def _compares(comparison: str, constant: Node, span: _Span, column: str) -> bool:
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
