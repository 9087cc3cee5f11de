"""Column edges of one SELECT, by DataHub's parser over sqlglot, with schemas from contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .hub import quiet_datahub
from .model import ColumnEdge

_PLATFORM = "duckdb"
_URN = "urn:li:dataset:(urn:li:dataPlatform:duckdb,{},PROD)"


class NotFollowed(Exception):
    """The SQL could not be followed to its columns; the text says why."""


@dataclass
class Tables:
    """The tables that SQL may name: (schema, name) in DuckDB -> a name in the lineage."""

    _resolver: Any = None
    _names: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, place: tuple[str, str], name: str, types: Mapping[str, str]) -> None:
        """Make a table known, with its columns and their SQL types."""
        urn = _URN.format(".".join(place))
        schema = dict(types)
        if self._names.get(urn) != name or self._columns.get(urn) != schema:
            self.resolver.add_raw_schema_info(urn, schema)
            self._names[urn], self._columns[urn] = name, schema

    @property
    def resolver(self) -> Any:
        if self._resolver is None:
            quiet_datahub()
            from datahub.sql_parsing.schema_resolver import SchemaResolver

            self._resolver = SchemaResolver(platform=_PLATFORM)
        return self._resolver

    def name(self, urn: str) -> str:
        return self._names[urn]

    def column(self, urn: str, name: str) -> str:
        """A column in the contract's own spelling: SQL is indifferent to case."""
        known = {column.lower(): column for column in self._columns[urn]}
        return known.get(name.lower(), name)


def column_edges(
    sql: str, target: str, tables: Tables, wanted: Sequence[str]
) -> tuple[ColumnEdge, ...]:
    """Which columns of which tables enter each column of a SELECT.

    Parameters
    ----------
    target: the name of the table that the SELECT makes.
    wanted: its columns by contract; others are left out.

    Raises NotFollowed where the parser gives up.
    """
    quiet_datahub()
    from datahub.sql_parsing.sqlglot_lineage import sqlglot_lineage

    result = sqlglot_lineage(sql, schema_resolver=tables.resolver, override_dialect="duckdb")
    problem = result.debug_info.table_error or result.debug_info.column_error
    if problem is not None or result.column_lineage is None:
        raise NotFollowed(_first_line(problem) or "the SQL has no columns to follow")
    spelled = {name.lower(): name for name in wanted}
    edges = set()
    for column in result.column_lineage:
        name = spelled.get(column.downstream.column.lower())
        if name is None:
            continue
        is_copy = bool(column.logic and column.logic.is_direct_copy)
        for above in column.upstreams:
            try:
                source = tables.name(above.table)
            except KeyError:
                raise NotFollowed(f"its SQL reads {above.table}, which no cell has read") from None
            edges.add(
                ColumnEdge(source, tables.column(above.table, above.column), target, name, is_copy)
            )
    return tuple(sorted(edges))


def _first_line(problem: Any) -> str:
    text = str(problem).strip() if problem is not None else ""
    return text.splitlines()[0] if text else ""
