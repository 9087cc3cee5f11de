"""`step.sql` in a check: the SELECT on tables without rows, as a Polars frame or a DuckDB relation.

The first is what the run makes, so that its types are the run's. The second holds the SQL of the
frames that it names, so that columns are followed through both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.model import Column
from ..contract.types import arrow_schema
from ..engines.duckdb_input import Input
from ..engines.duckdb_sql import SqlQuery
from ..names import Dataset
from ..step.context import SqlRequest

if TYPE_CHECKING:
    import narwhals as nw

_NOWHERE = Path("/nonexistent/spill")  # tables without rows spill nothing


def polars_sql() -> Callable[[SqlRequest, Mapping[Dataset, tuple[Column, ...]]], nw.LazyFrame[Any]]:
    """What makes the Polars frame of a SELECT over tables with these columns."""
    from ..engines import get_engine

    engine = get_engine("polars")

    def make(request: SqlRequest, read: Mapping[Dataset, tuple[Column, ...]]) -> nw.LazyFrame[Any]:
        tables = [Input(name, (), arrow_schema(columns)) for name, columns in read.items()]
        query = SqlQuery(request.sql.text, tuple(tables), request.frames, request.params, "")
        return engine.sql(query, spill=_NOWHERE)

    return make


def duckdb_sql(request: SqlRequest) -> nw.LazyFrame[Any]:
    """The relation of a SELECT, on the tables of DuckDB's default connection.

    Raises what DuckDB raises; a frame that is no relation is a TypeError.
    """
    import duckdb
    import narwhals as nw
    import sqlglot

    tree = sqlglot.parse_one(request.sql.text, read="duckdb")
    # A name may differ by case in SQL, which DuckDB does not mind.
    _put_frames(tree, {name.lower(): _sql_of(f) for name, f in request.frames.items()})
    tree = _put_values(tree, request.params)
    return nw.from_native(duckdb.sql(tree.sql(dialect="duckdb")))


def _sql_of(frame: Any) -> str:
    import duckdb
    import narwhals as nw

    native = nw.to_native(frame, pass_through=True)
    if not isinstance(native, duckdb.DuckDBPyRelation):
        raise TypeError("a frame of the SQL was collected, so DuckDB has no SQL of it")
    return native.sql_query()


def _put_frames(tree: Any, frames: Mapping[str, str]) -> None:
    """Put the SQL of each frame where its name stands."""
    import sqlglot
    from sqlglot import exp

    from ..step.sql_text import is_cte

    named = [
        table
        for table in tree.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and not table.db and not is_cte(table)
    ]
    for table in named:
        inner = sqlglot.parse_one(frames[table.name.lower()], read="duckdb")
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
        table.replace(
            exp.Subquery(this=inner, alias=alias, **_around(table, ("joins", "pivots", "sample")))
        )


def _around(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: table.args[name] for name in names if table.args.get(name)}


def _put_values(tree: Any, params: Mapping[str, Any]) -> Any:
    """Each parameter's value in its place.

    Raises TypeError for a None in a value: of what is made with a null DuckDB keeps a null alone,
    and another time the parameter may be one.
    """
    import duckdb
    from sqlglot import exp

    rows_only = (exp.Where, exp.Having, exp.Qualify, exp.Limit)
    for found in list(tree.find_all(exp.Placeholder, exp.Parameter)):
        given = {"x": params[found.name]}
        kind, text = duckdb.execute("select typeof($x), $x::varchar", given).fetchall()[0]
        if text is not None:
            found.replace(exp.cast(exp.Literal.string(text), kind, dialect="duckdb"))
        elif found.find_ancestor(*rows_only):
            found.replace(exp.null())
        else:
            raise TypeError(f"${found.name} is None, of which no value can be followed")
    return tree
