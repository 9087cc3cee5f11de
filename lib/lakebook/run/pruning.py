"""Which partitions a query can need, by its own predicates on the time columns.

DuckDB itself says it: the query is planned over tables without rows, and what the optimizer pushes
down to a table must hold for each of its rows that counts, whatever joins, subqueries and WITH
clauses stand between. A predicate that is not understood here excludes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engines.duckdb_input import Input
from ..intervals import WHOLE
from .predicates import Node, may_hold, span_of

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
_COLUMN_TYPES = {"date": "DATE", "timestamp": "TIMESTAMP"}


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
        span = span_of(self.contract, partition)
        return span is None or any(
            all(may_hold(node, span, self._type) for node in scan) for scan in self.scans
        )

    @property
    def _type(self) -> str:
        assert self.contract.time is not None
        return _COLUMN_TYPES[self.contract.column(self.contract.time.column).type]


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
    return {one.dataset: Wanted(contract, _of(contract, one, found)) for contract, one in tables}


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


def _of(contract: TableContract, table: Input, plan: Any) -> tuple[tuple[Node, ...], ...]:
    """The predicates on the time column, by scan of one table."""
    if contract.time is None:
        return ()
    found = []
    above = list(_filters(plan))
    for scan in nodes_of(plan, "LOGICAL_GET"):
        place = scan.get("function_data") or {}
        if (place.get("schema"), place.get("table")) != (table.dataset.layer, table.dataset.name):
            continue
        pushed = (scan.get("table_filters") or {}).get("filters") or ()
        named = [(scan["names"][one["key"]], one["value"]) for one in pushed]
        named += [(name, predicate) for below, name, predicate in above if below is scan]
        found.append(tuple(node for name, node in named if name == contract.time.column))
    return tuple(found)


def _filters(plan: Any) -> Iterator[tuple[Node, str, Node]]:
    """What stays above a scan, as two functions of a column do: scan, column, predicate on it."""
    for node in nodes_of(plan, "LOGICAL_FILTER"):
        scan, columns = _below(node["children"][0])
        for predicate in node["expressions"]:
            used = {columns.get(ref["index"], "") for ref in nodes_of(predicate, "BOUND_REF")}
            if scan is not None and len(used) == 1:
                yield scan, used.pop(), predicate


def _below(node: Node) -> tuple[Node | None, Mapping[int, str]]:
    """The scan whose rows a node hands on, and which of its columns stand where."""
    match node["type"]:
        case "LOGICAL_GET" if not node["projection_ids"]:
            read = [one["index"] for one in node["column_indexes"]]
            names = node["names"]
            return node, {at: names[i] for at, i in enumerate(read) if i < len(names)}
        case "LOGICAL_PROJECTION":
            scan, columns = _below(node["children"][0])
            given = {
                at: columns.get(one["index"], "")
                for at, one in enumerate(node["expressions"])
                if one["expression_class"] == "BOUND_REF"
            }
            return scan, given
        case "LOGICAL_FILTER" if not node["projection_map"]:
            return _below(node["children"][0])
    return None, {}
