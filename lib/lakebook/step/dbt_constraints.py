"""Holds what a model made to the constraints that dbt's YAML gives it: a file enforces none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..engines.duckdb_input import quoted, sql_text
from ..errors import RunError
from .dbt_nodes import Node


def check_constraints(model: Node, path: Path, where: str) -> None:
    """Raise RunError for the first constraint that rows of a result break.

    `where`: the rows of the file that count, as SQL; empty: all.
    """
    if not model.constraints:
        return
    import duckdb

    rows = f"(from read_parquet({sql_text(path)}){f' where {where}' if where else ''})"
    with duckdb.connect() as connection:
        for words, broken in _questions(model, rows):
            try:
                found = connection.execute(broken).fetchone()
            except duckdb.Error as problem:
                raise RunError(
                    f"the constraint {words} of the dbt model {model.name} cannot be asked: "
                    f"{str(problem).splitlines()[0]}",
                    where=model.where,
                ) from None
            if found and found[0]:
                raise RunError(
                    f"the dbt model {model.name} breaks its constraint {words} {found[0]} times",
                    where=model.where,
                    fix="correct the model or its input; nothing was published",
                )


def _questions(model: Node, rows: str) -> Iterator[tuple[str, str]]:
    """Each constraint in words, and SQL for how often it is broken."""
    for kind, columns, expression in model.constraints:
        names = ", ".join(map(quoted, columns))
        nulls = " or ".join(f"{quoted(name)} is null" for name in columns)
        if kind == "check":
            yield f"check ({expression})", f"select count(*) from {rows} where not ({expression})"
        if kind in ("not_null", "primary_key"):
            yield f"{kind} ({names})", f"select count(*) from {rows} where {nulls}"
        if kind in ("unique", "primary_key"):
            again = f"select 1 from {rows} where not ({nulls}) group by {names} having count(*) > 1"
            yield f"{kind} ({names})", f"select count(*) from ({again})"
