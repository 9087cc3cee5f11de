"""What of a step's rows must stay hidden: columns of its tables and sources, and of any frame.

A frame's columns are followed through its plan and its SQL to what was read; one that cannot be
followed is hidden, in a step that touches a hidden column at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..contract.classified import hidden_columns
from ..delta import with_extras
from ..errors import UserError
from ..names import table_path, tier_tables

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from .context import SqlRequest
    from .lake import LakeContext


def tables_of(context: LakeContext) -> list[TableContract]:
    """The contracts of what a step writes and has read, with columns that no file promises yet."""
    own = [with_extras(t, context.schemas(t)) for t in context.contract.tables]
    return [*own, *(view.contract for view in context.views_read)]


def touched(context: LakeContext) -> dict[str, frozenset[str]]:
    """The hidden columns that a step touches, by dataset or source."""
    found: dict[str, frozenset[str]] = {}
    for table in tables_of(context):
        name = str(table.dataset)
        found[name] = found.get(name, frozenset()) | hidden_columns(table)
    for column, uri in context.new_columns.items():
        found[uri] = found.get(uri, frozenset()) | {column}
    return {name: columns for name, columns in found.items() if columns}


def hidden_in(context: LakeContext, frame: Any) -> frozenset[str]:
    """The columns of a frame whose values must not be shown."""
    import narwhals as nw
    import polars as pl

    from .look.frames import as_narwhals

    rows = as_narwhals(frame)
    if not touched(context):
        return frozenset()
    native = nw.to_native(rows)
    if not isinstance(native, pl.LazyFrame):
        return frozenset(rows.collect_schema().names())
    from ..engines.plan_origin import hidden_columns as hidden_of

    return hidden_of(native, _Files(context))


def made_of_hidden(context: LakeContext, frame: Any) -> frozenset[str]:
    """As `hidden_in`, for what is written: what is no frame is for the write to refuse.

    A contract speaks of the columns of the source that its step lands; of what a step reads, the
    contracts of others do.
    """
    import polars as pl

    if not any(hidden_columns(view.contract) for view in context.views_read):
        return frozenset()
    try:
        return hidden_in(context, frame)
    except (UserError, pl.exceptions.PolarsError):
        return frozenset()


def hidden_in_sql(
    context: LakeContext, request: SqlRequest, names: Sequence[str]
) -> frozenset[str]:
    """The outputs of a step's SQL that must not be shown. `names`: as the engine has them."""
    from ..engines.sql_origin import Source, hidden_outputs
    from .look.frames import columns_of

    if not touched(context):
        return frozenset()
    tables = {
        str(read.dataset): Source(contract.names, hidden_columns(contract))
        for read in request.reads
        for contract in [context.view(read.dataset).contract]
    }
    frames = {
        name: Source(columns_of(frame), hidden_in(context, frame))
        for name, frame in request.frames.items()
    }
    verdicts = hidden_outputs(request.sql.text, names, tables, frames)
    return frozenset(name for name, hidden in zip(names, verdicts, strict=True) if hidden)


class _Files:
    """Which columns of files stay hidden, by the table whose files they are."""

    def __init__(self, context: LakeContext) -> None:
        tables = tables_of(context)
        self.roots: dict[str, TableContract] = {}
        for table in tables:
            for root in _roots(context, table):
                self.roots.setdefault(f"{root}/", table)
        classified = frozenset[str]().union(*map(hidden_columns, tables), context.new_columns)
        # Of a file that no step has landed, names say nothing.
        names = {c.name for t in tables for c in t.columns} if context.lands else set()
        self.open = names - classified

    def __call__(self, paths: Sequence[str], names: Collection[str]) -> frozenset[str]:
        found = {id(t): t for t in map(self._table, paths) if t is not None}
        if not found or None in map(self._table, paths):
            # Of a source, open is what all contracts call open.
            return frozenset(name for name in names if name not in self.open)
        return frozenset(
            name
            for name in names
            for table in found.values()
            if name not in table.names or name in hidden_columns(table)
        )

    def _table(self, path: str) -> TableContract | None:
        return next((t for root, t in self.roots.items() if path.startswith(root)), None)


def _roots(context: LakeContext, table: TableContract) -> list[str]:
    views: Mapping[Any, Any] = {view.dataset: view for view in context.views_read}
    tables = tier_tables(context.settings.roots, table.dataset)
    own = table_path(context.settings.lake, table.dataset, env=context.settings.env)
    found = [str(tables.hot), str(tables.warm), str(own)]
    if (view := views.get(table.dataset)) is not None:
        found += [str(one.table) for one in (view.own, view.prod) if one is not None]
    return list(dict.fromkeys(found))
