"""Which columns of tables enter each output of DuckDB's logical plan, as it is bound.

DuckDB has resolved every name, star, macro, PIVOT and subquery by then, so that its own rules say
what a query means. What is left are the operators below; a plan with another one is not followed.
Which rows there are (a filter, a join, a grouping) is no value of a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .origin import NOTHING, NotFollowed, Origin, either, merged, origin

Operator = Mapping[str, Any]
Origins = list[Origin]

_PASSES_ON = {"FILTER", "ORDER_BY", "LIMIT", "TOP_N", "DISTINCT", "SAMPLE"}
_PASSES_ON |= {"CROSS_PRODUCT", "POSITIONAL_JOIN"}
_OPTIMIZED = ("left_projection_map", "right_projection_map", "delim_flipped")
"""What only DuckDB's optimizer sets, whose plan is not asked for."""
_JOINS = {"COMPARISON_JOIN", "DELIM_JOIN", "ANY_JOIN", "ASOF_JOIN"}
_ONE_SIDE = {"SEMI": 0, "ANTI": 0, "RIGHT_SEMI": 1, "RIGHT_ANTI": 1}
_BOTH_SIDES = {"INNER", "LEFT", "RIGHT", "FULL", "OUTER", "SINGLE"}
_SETS = {"UNION", "EXCEPT", "INTERSECT"}
_OF_ARGUMENTS = {"range", "generate_series", "unnest", "repeat", "repeat_row"}
"""Table functions whose rows come of their arguments alone."""


def origins(plan: Operator) -> Origins:
    """Of each output of a plan, in order.

    Raises NotFollowed for an operator, a table function or an expression that is not known here.
    """
    return _Walk().of(plan)


class _Walk:
    """From the last operator to the tables. `_delims`: the rows that correlated subqueries see."""

    def __init__(self) -> None:
        self._ctes: dict[int, Origins] = {}
        self._bound: dict[tuple[int, int], Origin] = {}
        self._delims: list[tuple[list[Any], Origins]] = []

    def of(self, op: Operator) -> Origins:
        found = self._found(op)
        if "table_index" in op:
            self._bound |= {(op["table_index"], place): one for place, one in enumerate(found)}
        return found

    def _found(self, op: Operator) -> Origins:
        kind = op["type"].removeprefix("LOGICAL_")
        if any(op.get(name) for name in _OPTIMIZED):
            raise NotFollowed(f"DuckDB's plan has a {op['type']} that leaves columns out")
        if kind in _PASSES_ON:
            below = self._below(op)
            return [below[place] for place in op.get("projection_map") or range(len(below))]
        if kind in _JOINS:
            return self._join(op)
        if kind in _SETS:
            return self._set(op, kind)
        known = getattr(self, f"_{kind.lower()}", None)
        if known is None:
            raise NotFollowed(f"DuckDB's plan has a {op['type']}, which is not known here")
        found: Origins = known(op)
        return found

    def _each(self, expressions: Iterable[Mapping[str, Any]], below: Sequence[Origin]) -> Origins:
        return [origin(one, below, self._bound) for one in expressions]

    def _below(self, op: Operator) -> Origins:
        return [one for child in op["children"] for one in self.of(child)]

    def _projection(self, op: Operator) -> Origins:
        return self._each(op["expressions"], self._below(op))

    def _aggregate_and_group_by(self, op: Operator) -> Origins:
        below = self._below(op)
        groupings = [NOTHING] * len(op["grouping_functions"])
        return [*self._each(op["groups"], below), *self._each(op["expressions"], below), *groupings]

    def _window(self, op: Operator) -> Origins:
        below = self._below(op)
        return [*below, *self._each(op["expressions"], below)]

    _unnest = _window

    def _dummy_scan(self, op: Operator) -> Origins:
        return [NOTHING]

    def _expression_get(self, op: Operator) -> Origins:
        below = self._below(op)
        rows = [self._each(row, below) for row in op["expressions"]]
        return [either(column) for column in zip(*rows, strict=True)]

    def _chunk_get(self, op: Operator) -> Origins:
        return [NOTHING] * len(op["chunk_types"])

    def _get(self, op: Operator) -> Origins:
        places = [one["index"] for one in op["column_indexes"]]
        names = op["names"]
        if op["name"] == "seq_scan":
            table = (op["function_data"]["schema"], op["function_data"]["table"])
            return [
                Origin(frozenset({(*table, names[p])}), is_copy=True) if p < len(names) else NOTHING
                for p in places
            ]
        if op["name"] not in _OF_ARGUMENTS:
            raise NotFollowed(f"its SQL reads {op['name']}(…), whose columns nobody knows")
        below = self._below(op)
        taken = below[: len(op["input_table_types"])]  # the rest is passed on
        made = merged(taken)
        if len(taken) == 1:  # the elements of a list of structs have its fields
            made = Origin(made.columns, fields=taken[0].fields)
        passed = [below[place] for place in op["projected_input"]]
        return [*[made] * len(places), *passed]

    def _pivot(self, op: Operator) -> Origins:
        """Groups, then for each value of the pivoted column every aggregate, from lists of both."""
        pivot, below = op["bound_pivot"], self._below(op)
        groups, lists = below[: pivot["group_count"]], below[pivot["group_count"] :]
        *values, keys = lists
        if len(values) != len(pivot["aggregates"]):
            raise NotFollowed("DuckDB's plan has a PIVOT of another shape")
        wide = len(pivot["types"]) - len(groups)
        return [*groups, *(merged([values[i % len(values)], keys]) for i in range(wide))]

    def _join(self, op: Operator) -> Origins:
        left_op, right_op = op["children"]
        left = self.of(left_op)
        doubled = op.get("duplicate_eliminated_columns") or []
        if op["type"] == "LOGICAL_DELIM_JOIN":
            types = [one["return_type"] for one in doubled]
            self._delims.append((types, self._each(doubled, left)))
            right = self.of(right_op)
            self._delims.pop()
        else:
            right = self.of(right_op)
        kind = op["join_type"]
        if kind in _ONE_SIDE:
            return (left, right)[_ONE_SIDE[kind]]
        if kind == "MARK":  # whether the row has a partner: a value of what is compared
            return [*left, self._mark(op, left, right)]
        if kind not in _BOTH_SIDES:
            raise NotFollowed(f"DuckDB's plan has a join {kind}, which is not known here")
        return [*left, *right]

    def _mark(self, op: Operator, left: Origins, right: Origins) -> Origin:
        if op["type"] == "LOGICAL_ANY_JOIN":
            return merged(self._each([op["condition"]], [*left, *right]))
        sides = [
            one
            for name, below in (("left", left), ("right", right))
            for one in self._each((condition[name] for condition in op["conditions"]), below)
        ]
        return merged(sides)

    def _delim_get(self, op: Operator) -> Origins:
        types, found = self._delims[-1] if self._delims else ([], [])
        if types != op["chunk_types"]:
            raise NotFollowed("a subquery takes columns of a query that is not the next one")
        return found

    def _set(self, op: Operator, kind: str) -> Origins:
        sides = [self.of(child) for child in op["children"]]
        if any(len(side) != op["column_count"] for side in sides):
            raise NotFollowed("the parts of a set operation have other columns than it")
        if kind == "EXCEPT":  # the rest only takes rows away
            return sides[0]
        return [either(column) for column in zip(*sides, strict=True)]

    def _materialized_cte(self, op: Operator) -> Origins:
        definition, query = op["children"]
        self._ctes[op["table_index"]] = self.of(definition)
        return self.of(query)

    def _recursive_cte(self, op: Operator) -> Origins:
        if op.get("key_targets"):
            raise NotFollowed("a recursive query has USING KEY")
        start, step = op["children"]
        found, before = self.of(start), None
        while found != before:
            before = self._ctes[op["table_index"]] = found
            found = [either(pair) for pair in zip(before, self.of(step), strict=True)]
        return found

    def _cte_ref(self, op: Operator) -> Origins:
        found = self._ctes.get(op["cte_index"])
        if found is None or len(found) != len(op["chunk_types"]):
            raise NotFollowed("a CTE is not where DuckDB's plan says")
        return found
