"""SQL over the lake's datasets by their names, in DuckDB. Only what a query names is opened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..contract.model import TableContract
from ..engines.duckdb_input import Input, time_filter
from ..engines.messages import may_be_damage
from ..errors import UserError
from ..intervals import Interval
from ..names import LAYERS, PROD, Dataset
from ..settings import Settings
from ..step.cold import cold_error, spans_text
from ..step.damage import first_damage
from ..step.view import DatasetView, open_view
from .cold_reads import Say, provide
from .pruning import nodes_of, plan_scans
from .query_masks import QueryMasks

if TYPE_CHECKING:
    import duckdb


Opened = tuple[DatasetView, tuple[str, ...]]
"""A dataset that a query reads, and which of its partitions."""

_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)


def run_query(
    settings: Settings,
    sql: str,
    interval: Interval | None = None,
    *,
    restore: bool = False,
    unmask: bool = False,
    say: Say = lambda text: None,
) -> Rows:
    """Run one query; of each dataset, only the partitions that it can need are opened.

    Parameters
    ----------
    interval: limit every dataset that has a time to these days, as `Step.read` does.
    restore: bring back what the query needs from cold.
    unmask: show values that otherwise stay hidden, as `lakebook diff` hides them.
    say: takes what is worth a note: what is restored, and what retention has deleted.

    Raises UserError for unknown datasets and for SQL that DuckDB refuses, ColdError, and
    DamageError for a file that is not as it was. Errors that only rows show come when they are
    fetched.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    masks = QueryMasks(sql, (), hides=False)
    try:
        _check_reads(duckdb, sql)
        connection.begin()  # what is planned and what is run see one clock
        reads = _Reads(settings, connection, sql, interval)
        if not unmask:
            masks = reads.masks(sql)
            masks.check()
        if reads.in_cold():
            reads.register(empty=True)
            connection.sql(sql)  # what is wrong with the query itself is said first
        if restore:
            provide(settings, reads.check_anew, say)
        reads.check()
        reads.tell_deleted(say)
        reads.register()
        opened = tuple((view, reads.needed(view)) for view in reads.views)
        with telling_damage(opened):
            relation = connection.sql(sql)
        if relation is None:
            raise UserError("the query gives no rows", fix="write a SELECT")
        return Rows(masks.masked(relation, say), masks, opened)
    except duckdb.Error as wrong:
        raise masks.refused(wrong) from None


@dataclass(frozen=True)
class Rows:
    """The rows of a query, fetched as they are asked for. Raises UserError as `run_query` does."""

    relation: duckdb.DuckDBPyRelation
    masks: QueryMasks
    opened: tuple[Opened, ...]

    @property
    def columns(self) -> list[str]:
        return self.relation.columns

    def fetchmany(self, count: int) -> list[tuple[Any, ...]]:
        with self._telling():
            return self.relation.fetchmany(count)

    def fetchall(self) -> list[tuple[Any, ...]]:
        with self._telling():
            return self.relation.fetchall()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import duckdb

        try:
            with telling_damage(self.opened):
                yield
        except duckdb.Error as wrong:
            raise self.masks.refused(wrong) from None


@contextmanager
def telling_damage(opened: Iterable[Opened]) -> Iterator[None]:
    """Turn what DuckDB says into a DamageError, if it is because of a file."""
    import duckdb

    try:
        yield
    except duckdb.Error as wrong:
        if may_be_damage(wrong) and (damaged := first_damage(opened)):
            raise damaged from None
        raise


class _Reads:
    """The datasets that a query names, and which partitions of each it can need."""

    def __init__(
        self,
        settings: Settings,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        interval: Interval | None,
    ) -> None:
        self.settings, self.connection, self.interval = settings, connection, interval
        asked = _explained(sql)
        self.tree = _tree(connection, asked)
        self.datasets = _named(self.tree)
        self.views = self._open()
        self.scans = plan_scans(connection, asked, [(v.contract, _empty(v)) for v in self.views])

    def _open(self) -> list[DatasetView]:
        return [_open(self.settings, dataset) for dataset in self.datasets]

    def masks(self, sql: str) -> QueryMasks:
        roots = self.settings.roots
        folders = (roots.hot, roots.warm, roots.cold, self.settings.lake)
        return QueryMasks.of(sql, self.tree, [view.contract for view in self.views], folders)

    def needed(self, view: DatasetView) -> tuple[str, ...]:
        return self.scans[view.dataset].among(view.read_of(self.interval))

    def in_cold(self) -> list[tuple[TableContract, tuple[str, ...]]]:
        found = [(view.contract, view.in_cold(self.needed(view))) for view in self.views]
        return [(contract, names) for contract, names in found if names]

    def check(self) -> None:
        """Raise ColdError for all that lies in cold; UserError for what retention deleted."""
        cold = self.in_cold()
        if cold and self.settings.env == PROD:
            raise cold_error(self.settings, cold)
        for view in self.views:
            view.check_readable(self.needed(view))

    def check_anew(self) -> None:
        self.views = self._open()
        self.check()

    def tell_deleted(self, say: Say) -> None:
        """Of a table that is read without an interval, what is gone is no error."""
        for view in self.views if self.interval is None else ():
            gone = {*view.partitions} - {*view.present}
            if names := self.scans[view.dataset].among(sorted(gone)):
                say(f"retention deleted {spans_text(names)} of {view.dataset}")

    def register(self, *, empty: bool = False) -> None:
        for view in self.views:
            files = [] if empty else view.paths(self.needed(view))
            where = time_filter(view.contract, self.interval)
            read = replace(_empty(view), files=files, where=where)
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {view.dataset.layer}")
            self.connection.execute(read.view_sql())


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """A text as DuckDB parses it, as JSON."""
    asked = connection.execute("SELECT json_serialize_sql(?)", [sql])
    return json.loads(asked.fetchall()[0][0])


def _named(tree: Any) -> list[Dataset]:
    """The datasets that a query names; SQL is indifferent to case."""
    found = {
        (node["schema_name"].lower(), node["table_name"].lower())
        for node in nodes_of(tree, "BASE_TABLE")
        if not node["catalog_name"] and node["schema_name"].lower() in LAYERS
    }
    return [Dataset.parse(f"{layer}.{name}") for layer, name in sorted(found)]


def _explained(sql: str) -> str:
    """What an EXPLAIN explains; any other text as it is."""
    explain = _EXPLAIN.match(sql)
    return sql[explain.end() :] if explain else sql


def _check_reads(duckdb: Any, sql: str) -> None:
    """Refuse what writes: COPY and EXPORT would leave files."""
    kinds = {statement.type.name for statement in duckdb.extract_statements(sql)}
    if explain := "EXPLAIN" in kinds and _EXPLAIN.match(sql):  # with ANALYZE it runs the rest
        _check_reads(duckdb, sql[explain.end() :])
    elif kinds - {"SELECT"}:
        raise UserError("the query does more than read", fix="write a SELECT")


def _open(settings: Settings, dataset: Dataset) -> DatasetView:
    view = open_view(settings, find_table(settings, dataset))
    if not view.exists:
        raise UserError(
            f"{dataset} has no table yet in this lake", fix=f"run it first: lakebook run {dataset}"
        )
    return view


def _empty(view: DatasetView) -> Input:
    return Input(view.dataset, (), view.contract.arrow_schema())
