"""Rules of ODCS's `type: sql`, and GX's unexpected rows: an expression over each row, or a query.

A query is read here, and bound by DuckDB to a table without rows that has the contract's columns,
so that what it could not compute is refused before there is data. It sees its own table alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..errors import ContractError, did_you_mean
from ..names import Dataset
from .expectations import ALLOWED, QUERY, SATISFY
from .expression import columns_of
from .model import Column
from .reader import Reader
from .row_sql import is_select, read_row_sql
from .thresholds import OPERATORS, Threshold
from .types import duckdb_type
from .values import number
from .volatile import volatile_in

_TABLE = ("table", "object", "batch", "dataset", "model")
_COLUMN = ("column", "property", "field")
_PLACEHOLDER = re.compile(r"\$?\{([A-Za-z_]\w*)\}")


def read_sql_rule(
    raw: Reader, column: str | None, dataset: Dataset, columns: Sequence[Column]
) -> tuple[str, dict[str, Any]]:
    """Expectation and arguments of a rule of `type: sql`."""
    where = raw.where("query")
    types = {one.name: one.type for one in columns}
    text = filled(raw.text("query"), dataset, column, where=where)
    operator = next(name for name in OPERATORS if name in raw.value)  # the JSON schema asks for one
    limit = raw[operator]
    if raw["unit"] not in (None, "rows"):
        raise raw.error(f"a query in {raw['unit']}", "unit", fix="let the query compute the share")
    if not is_select(text):
        if operator != "mustBe" or limit is not True:
            raise raw.error(
                f"{operator}: {limit} of an expression",
                operator,
                fix="mustBe: true says that it holds in each row; "
                "a figure over all rows is a SELECT with one value",
            )
        test = read_row_sql(text, types, where=where)
        return SATISFY, {"column_list": list(columns_of(test)), "expression": text}
    kinds = check_query(text, dataset, types, where=where)
    if len(kinds) != 1:
        raise raw.error(
            f"the query gives {len(kinds)} columns",
            "query",
            fix="select one value; type: custom with unexpected_rows_expectation takes rows",
        )
    is_number = not isinstance(limit, bool | str)
    for one in limit if isinstance(limit, list) else [limit] if is_number else []:
        try:
            number(one, nearest=kinds[0] in ("DOUBLE", "FLOAT"))
        except ContractError as wrong:
            raise raw.error(f"{operator}: {wrong.found}", operator, fix=wrong.fix) from None
    is_known = kinds[0].startswith(("DECIMAL", "DOUBLE", "FLOAT", "HUGEINT")) or "INT" in kinds[0]
    if is_number != is_known or (isinstance(limit, bool) and kinds[0] != "BOOLEAN"):
        raise raw.error(f"the query gives {kinds[0]}, and {operator} is {limit!r}", operator)
    kwargs = {"query": text, ALLOWED: Threshold(operator, limit).arguments()}
    return QUERY, kwargs if column is None else {"column": column, **kwargs}


def check_unexpected_rows(
    raw: Reader, kwargs: Mapping[str, Any], dataset: Dataset, columns: Sequence[Column]
) -> None:
    """Raise ContractError for a query of unexpected rows that is not to be run."""
    place = ("implementation", "kwargs", "unexpected_rows_query")
    text = kwargs["unexpected_rows_query"]
    if not isinstance(text, str):
        raise raw.error("unexpected_rows_query is no text", *place)
    where = raw.where(*place)
    if "{batch}" not in text:
        raise raw.error("unexpected_rows_query reads no {batch}", *place, fix="write from {batch}")
    types = {one.name: one.type for one in columns}
    check_query(rows_query(text, dataset, where=where), dataset, types, where=where)


def rows_query(text: str, dataset: Dataset, *, where: str) -> str:
    """A query of unexpected rows with its placeholders replaced; a brace stands there doubled."""
    return filled(text, dataset, None, where=where).replace("{{", "{").replace("}}", "}")


def filled(text: str, dataset: Dataset, column: str | None, *, where: str) -> str:
    """The text with its placeholders replaced: `{table}`, `${object}`, `{batch}`, `${column}`.

    Other braces stay as they are: they belong to a regular expression or to a value.
    """

    def name(match: re.Match[str]) -> str:
        word = match[1].lower()
        if word in _TABLE:
            return f'"{dataset.name}"'
        if word in _COLUMN and column is not None:
            return f'"{column}"'
        found = f"the SQL has {match[0]}"
        if word in _COLUMN:
            raise ContractError(f"{found} and stands at no column", where=where, fix="name it")
        raise ContractError(
            f"{found}, which stands for nothing{did_you_mean(word, (*_TABLE, *_COLUMN))}",
            where=where,
            fix="use ${table} and ${column}",
        )

    return _PLACEHOLDER.sub(name, text).strip().removesuffix(";")


def check_query(
    text: str, dataset: Dataset, types: Mapping[str, str], *, where: str
) -> tuple[str, ...]:
    """DuckDB's types of what a query gives. Raises ContractError for one that is not to be run."""
    try:
        return _bound(text, dataset, tuple(types.items()))
    except ContractError as wrong:
        raise ContractError(wrong.found, where=where, fix=wrong.fix) from None


@lru_cache(maxsize=256)
def _bound(text: str, dataset: Dataset, types: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    _only_reads(text, dataset)
    import duckdb

    columns = ", ".join(f'"{name}" {duckdb_type(kind)}' for name, kind in types)
    # Without threads: a process that forks may read contracts.
    with connected(threads=1) as connection:
        connection.execute(f"create table _rows ({columns})")
        name_rows(connection, dataset)
        try:
            found = connection.execute(f"describe {text}").fetchall()
        except duckdb.Error as wrong:
            told = str(wrong).split("\n\n")[0]
            raise ContractError(f"the SQL does not bind: {' '.join(told.split())}") from None
    return tuple(str(row[1]) for row in found)


def connected(threads: int | None = None) -> Any:
    """A DuckDB of its own that reads no files and no variables of Python."""
    import duckdb

    config: dict[str, Any] = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def name_rows(connection: Any, dataset: Dataset) -> None:
    """Let `_rows` be seen as `name` and as `layer.name`."""
    connection.execute(f'create view "{dataset.name}" as from _rows')
    connection.execute(f'create schema "{dataset.layer}"')
    connection.execute(f'create view "{dataset.layer}"."{dataset.name}" as from main._rows')


def _only_reads(text: str, dataset: Dataset) -> None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in sqlglot.parse(text, read="duckdb") if tree is not None]
    except SqlglotError as broken:
        first = (getattr(broken, "errors", None) or [{}])[0]
        near = f", near {first['highlight']!r}" if first.get("highlight") else ""
        raise ContractError(f"the SQL does not parse{near}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise ContractError("the SQL is not one SELECT", fix="write one SELECT")
    tree = trees[0]
    if tree.find(exp.DML, exp.DDL, exp.Into, exp.Command) not in (None, tree):
        raise ContractError("the SQL changes something", fix="write a SELECT")
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        named = ".".join(part.name for part in table.parts).lower()
        if not isinstance(table.this, exp.Identifier):
            raise ContractError(
                f"the SQL reads {table.this.sql('duckdb')}", fix="read ${table} alone"
            )
        if named not in (dataset.name, str(dataset)) and named not in ctes:
            raise ContractError(
                f"the SQL reads {named}, and a rule sees the rows of {dataset} alone",
                fix="read ${table}; a relationship compares with another table",
            )
    if asked := volatile_in(tree):
        what = f"{asked.name}()" if asked.name else "for a sample of rows"
        raise ContractError(f"the SQL asks {what}, so that no two audits agree", fix="leave it out")
    if tree.find(exp.Placeholder, exp.Parameter):
        raise ContractError("the SQL has a parameter", fix="write the value")
