"""Datasets that a dbt model names by themselves, without `source()` or `ref()`.

dbt does not know of such a read, so that neither the graph nor the run does: the check would bind
it, since the dataset's empty table stands beside those of others, and the run would not find it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..names import Dataset


def unseen_reads(
    sql: str, relations: Iterable[str], datasets: Collection[Dataset]
) -> tuple[Dataset, ...]:
    """Those of the datasets that a compiled model names in another way than dbt does.

    `relations` are dbt's names, as they stand in compiled SQL. SQL that sqlglot does not read names
    none.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return ()
    known = {_parts(exp.to_table(relation, dialect="duckdb")) for relation in relations}
    found: dict[Dataset, None] = {}
    for table in tree.find_all(exp.Table):
        parts = _parts(table)
        if isinstance(table.this, exp.Identifier) and parts not in known:
            named = next((d for d in datasets if parts[1:] == (d.layer, d.name)), None)
            if named is not None:
                found[named] = None
    return tuple(found)


def _parts(table: object) -> tuple[str, str, str]:
    """Catalog, schema and name; DuckDB folds case, in quotes as well."""
    names = (getattr(table, part, "") for part in ("catalog", "db", "name"))
    catalog, schema, name = (str(one).lower() for one in names)
    return catalog, schema, name
