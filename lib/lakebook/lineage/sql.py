"""Column edges of one SELECT, from the plan that DuckDB binds for it on empty tables.

DuckDB gives its plan as JSON, in columns by their places. Where it gives none, or one with
something that `plan` does not know, the SELECT is not followed, which is said: no edge is a guess.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .model import ColumnEdge
from .origin import NotFollowed, Origin
from .plan import origins

_DEPTH = 20_000
"""Nested calls that a plan may take: DuckDB's own limit of nesting comes before it."""


@dataclass
class Tables:
    """The tables that SQL may name: (schema, name) in DuckDB -> a name in the lineage."""

    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _columns: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def add(self, place: tuple[str, str], name: str, types: Mapping[str, str]) -> None:
        """Make a table known, with its columns and their SQL types."""
        self._names[place], self._columns[place] = name, frozenset(types)

    def name(self, schema: str, table: str, column: str) -> str:
        """What a table is called in the lineage. Raises NotFollowed for one that is not known."""
        place = (schema, table)
        if column not in self._columns.get(place, ()):
            raise NotFollowed(f"its SQL reads {column} of {schema}.{table}, which no cell has read")
        return self._names[place]


def column_edges(
    sql: str, target: str, tables: Tables, wanted: Sequence[str]
) -> tuple[ColumnEdge, ...]:
    """Which columns of which tables enter each column of a SELECT.

    The tables are in DuckDB's default connection.

    Parameters
    ----------
    target: the name of the table that the SELECT makes.
    wanted: its columns by contract; others are left out.

    Raises NotFollowed where that is not known for sure.
    """
    spelled = {name.lower(): name for name in wanted}
    edges = set()
    for output, found in _outputs(sql):
        name = spelled.get(output.lower())
        if name is None:
            continue
        for schema, table, column in found.columns:
            source = tables.name(schema, table, column)
            edges.add(ColumnEdge(source, column, target, name, found.is_copy))
    return tuple(sorted(edges))


def _outputs(sql: str) -> list[tuple[str, Origin]]:
    """Name and origin of each output."""
    import duckdb

    text = sql.replace("'", "''")
    try:
        names = duckdb.sql(sql).columns
        # Not as a parameter: DuckDB would import pandas to see whether it is a value of it.
        (raw,) = duckdb.execute(f"SELECT json_serialize_plan('{text}')").fetchall()[0]
    except duckdb.Error as problem:
        raise NotFollowed(_first_line(problem)) from None
    with _nesting():
        try:
            plan: dict[str, Any] = json.loads(raw)
            if plan["error"]:
                raise NotFollowed(f"DuckDB gives no plan: {_first_line(plan['error_message'])}")
            (root,) = plan["plans"]
            found = origins(root)
        except RecursionError:
            raise NotFollowed("its SQL is nested too deeply") from None
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            # Another version of DuckDB may write its plan otherwise.
            raise NotFollowed(f"DuckDB's plan is not as expected: {problem!r}") from None
    if len(found) != len(names):
        raise NotFollowed("DuckDB's plan has other columns than its result")
    return list(zip(names, found, strict=True))


@contextlib.contextmanager
def _nesting() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _first_line(problem: object) -> str:
    text = str(problem).strip()
    return text.splitlines()[0] if text else ""
